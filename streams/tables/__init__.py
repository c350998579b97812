"""Files of rows, as they are written: every format that is read, and where each row is."""
