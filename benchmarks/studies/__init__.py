"""Models that only a benchmark fits, to compare the product's models with."""
