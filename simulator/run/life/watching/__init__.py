"""Watch over a model that runs: by its labels, before them, by its errors, and by its features."""
