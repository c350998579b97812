"""What a run amounts to: accounts, judged scores and alerts, and the report that says so."""
