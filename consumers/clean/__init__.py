"""Clean: decode and validate records, drop duplicates, send the rest to the dead letters."""
