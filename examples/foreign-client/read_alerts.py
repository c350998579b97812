"""Read alerts from a Kafka broker, as CloudEvents in binary mode."""

import argparse
from itertools import islice

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from kafka import KafkaConsumer


def main() -> None:
    """Print the first alerts, one a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("broker", metavar="HOST:PORT")
    parser.add_argument("--topic", default="finance.alerts")
    parser.add_argument("--count", type=int, default=10)
    arguments = parser.parse_args()

    consumer = KafkaConsumer(
        arguments.topic,
        bootstrap_servers=arguments.broker,
        auto_offset_reset="earliest",
        allow_auto_create_topics=False,
    )
    for record in islice(consumer, arguments.count):
        event = from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value))
        alert = event.get_data()
        assert isinstance(alert, dict)  # its content type is JSON
        print(event.get_time(), event.get_type(), event.get_subject(), alert["seen"], sep="  ")
    consumer.close()


if __name__ == "__main__":
    main()
