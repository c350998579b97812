"""Baseline models and metrics of the benchmarks."""
