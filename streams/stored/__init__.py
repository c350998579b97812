"""What is stored as bytes: packed columns, and snapshots in files."""
