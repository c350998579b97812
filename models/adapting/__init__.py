"""Adapting a model to what the stream shows: policies, challengers, and the gates before them."""
