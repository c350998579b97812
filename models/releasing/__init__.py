"""How a registry keeps a version: its files, published in one step, and its metadata."""
