"""The test kit: replay a recording, in process or on a broker, and expect things of it."""
