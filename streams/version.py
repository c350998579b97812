"""The version of streamsim."""

__version__ = "0.1.0"
