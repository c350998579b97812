"""Drift: how far the scored events are from those that the model was trained on."""
