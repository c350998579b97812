"""Producers: files, database tables and third parties as sources, pacing, and the Kafka sender."""
