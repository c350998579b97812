"""Public data for benchmarks: fetched, read, and the tables that are learnt from it."""
