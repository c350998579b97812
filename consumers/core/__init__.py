"""Core: the pipeline of one domain, its state stores, and the buffers of unfinished events."""
