"""Predict: score micro-batches over HTTP, by the model version that answers at their time."""
