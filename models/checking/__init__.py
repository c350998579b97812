"""Checks of a model before it serves: its types, its structure, and a trial."""
