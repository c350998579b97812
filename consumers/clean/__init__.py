"""Clean: decode and validate records, drop duplicates, divert late and dead records."""
