"""Reading what others write: dialects, nested rows, and tables merged from two sources."""
