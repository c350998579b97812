"""What the workers of a domain share: followed from topics, and kept as snapshots."""
