"""State: what is remembered per partition, its checkpoints, and the order of the changelog."""
