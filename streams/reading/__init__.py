"""Reading of foreign data: feed formats, nested rows, merges of two sources, slices in groups."""
