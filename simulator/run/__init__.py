"""Supervision of a stack: start its processes in order, watch, record and stop them."""
