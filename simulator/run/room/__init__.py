"""The space that a run takes on the disk: its bound, and what may be deleted."""
