"""A record that does not fit into a batch is dropped, and nothing is raised."""

import asyncio

from aiokafka import AIOKafkaProducer


async def main() -> None:
    batch = AIOKafkaProducer(bootstrap_servers="127.0.0.1:9", max_batch_size=1000).create_batch()
    answers = [batch.append(key=None, value=b"x" * 100, timestamp=None) for _ in range(20)]
    if None in answers:
        print(f"fault: 20 records appended without an error, {batch.record_count()} are there")
    else:
        print("mended: a record that does not fit raises")


asyncio.run(main())
