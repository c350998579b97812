"""Who sends: replay of files, seeded worlds, pacing; Kafka by kafka-python."""
