"""The embedded broker: kfake, a Kafka broker in Go, as a process on the loopback."""
