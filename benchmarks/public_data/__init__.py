"""Public data sets of the benchmarks: download, parsing and features."""
