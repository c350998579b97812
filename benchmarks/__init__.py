"""What ``streamsim bench`` runs."""
