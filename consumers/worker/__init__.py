"""Worker process: Faust, its transport, Kafka clients, back-pressure; all I/O of the consumers."""
