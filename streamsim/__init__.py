"""streamsim: rehearse real-time machine learning over event streams, on one machine."""

__version__ = "0.1.0"
