"""Faults that are planted into a running stack, and what must hold all the same."""
