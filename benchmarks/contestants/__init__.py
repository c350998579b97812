"""The finance job in other clothes, to compare with: the same steps, driven in other ways.

Each is a process of its own, started like a worker (``python -m streamsim.benchmarks.contestants
NAME``), that reads the same topics, calls the same pipeline, asks the same service and writes the
same topics. They differ in how records reach the steps and how outputs reach the broker.
"""
