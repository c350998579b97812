"""Prequential quality: windows over labelled scores, confidence bands, segments, and health."""
