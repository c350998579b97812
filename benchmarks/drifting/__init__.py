"""Streams with known changes, drift detectors, and the figures that judge them."""
