"""The worker process: Faust, its transport, Kafka clients, back-pressure; all I/O of a consumer."""
