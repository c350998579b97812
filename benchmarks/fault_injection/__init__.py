"""Fault injection: faults in a running stack, and a check of its outputs."""
