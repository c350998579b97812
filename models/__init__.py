"""Training by recipe, a registry of immutable versions, and the service that answers."""
