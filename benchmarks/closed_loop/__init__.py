"""Closed-loop runs in this process: a world that changes, and the model that follows it."""
