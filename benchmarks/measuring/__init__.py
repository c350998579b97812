"""Measurement of the engine: input, timed rounds, an independent observer, a profiler."""
