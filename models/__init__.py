"""Models: training by recipe, a registry of immutable versions, and the model service."""
