"""Stand-ins for what a stack meets outside: third parties' services, each a process."""
