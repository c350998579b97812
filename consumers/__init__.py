"""Consumers: pure stages over micro-batches, the pipeline that joins them, and the Faust worker."""
