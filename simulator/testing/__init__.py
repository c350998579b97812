"""The test kit: replay a recording, in process or on a broker, and assert the outcome."""
