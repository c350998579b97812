"""The life of a model in a run: one process decides which version answers when."""
