"""Contestants of the driver benchmark: the finance job's steps in other drivers.

Each is a process of its own, started like a worker (``python -m streamsim.benchmarks.contestants
NAME``). It reads the same topics, calls the same pipeline and model service, and writes the same
topics. Contestants differ in how records reach the steps and how outputs reach the broker.
"""
