"""Stand-ins for third parties' HTTP services, each a process."""
