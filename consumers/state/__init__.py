"""State: stores per partition, their checkpoints, and the checkpoint chain of the changelog."""
