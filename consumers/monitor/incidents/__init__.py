"""Incidents: one open alert per cause, with what opened it, until it is resolved."""
