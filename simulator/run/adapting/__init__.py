"""Learning anew from a run's topics, in a process of its own."""
