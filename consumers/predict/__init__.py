"""Predict: the records of scores, the schedule of model versions, and learning from the stream."""
