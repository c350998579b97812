"""Command line, brokers, supervisor, report and test kit of the whole stack."""
