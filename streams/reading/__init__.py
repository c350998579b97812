"""Reading of foreign data: feed formats, nested rows, and merges of two sources."""
