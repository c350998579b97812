"""Quality metrics of predictions, and their confidence intervals."""
