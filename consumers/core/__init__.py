"""The core: puts the stages in order for one domain, and holds events on their way."""
