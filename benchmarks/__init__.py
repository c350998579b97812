"""The benchmarks of ``streamsim bench``: one module each, with a function ``run``.

A benchmark prints its command and results, and returns the results as JSON types.
"""
