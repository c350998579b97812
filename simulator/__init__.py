"""Puts the stack together: command line, broker, supervisor, report, and the test kit."""
