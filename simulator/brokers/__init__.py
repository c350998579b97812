"""Kafka brokers: the embedded one, Apache Kafka without Docker, or one at HOST:PORT."""
