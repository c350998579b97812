"""The embedded broker's ListOffsets knows of the last batch only its first record."""

import asyncio
import sys
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

broker, tp = sys.argv[1], TopicPartition(f"ends-{uuid.uuid4()}", 0)


async def main() -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for size in (5, 100, 7):
            batch = producer.create_batch()
            for _ in range(size):
                batch.append(key=None, value=b"", timestamp=None)
            await (await producer.send_batch(batch, tp.topic, partition=0))
    async with AIOKafkaConsumer(bootstrap_servers=broker) as consumer:
        end = (await consumer.end_offsets([tp]))[tp]
    if end == 112:
        print("mended: after batches of 5, 100 and 7 records the end offset is 112")
    else:
        print(f"fault: after batches of 5, 100 and 7 records the end offset is {end}, not 112")


asyncio.run(main())
