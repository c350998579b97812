"""What ``streamsim bench`` runs: one module per benchmark, each with a ``run``.

A benchmark prints what it measured, with its command, and returns it as JSON types.
"""
