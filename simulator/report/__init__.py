"""Report of a run: accounts of events, quality of scores and alerts, as text and JSON."""
