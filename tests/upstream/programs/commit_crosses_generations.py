"""A commit that waits is sent in the next generation, for a partition that is no longer owned."""

import asyncio
import sys
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError

broker, name = sys.argv[1], f"generations-{uuid.uuid4()}"
tp = TopicPartition(name, 0)


async def main() -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for topic in (name, f"{name}-2"):
            await producer.send_and_wait(topic, b"", partition=0)
    consumer = AIOKafkaConsumer(
        name,
        bootstrap_servers=broker,
        group_id=name,
        enable_auto_commit=False,
        session_timeout_ms=6000,
        rebalance_timeout_ms=6000,
    )
    await consumer.start()
    while tp not in consumer.assignment():
        await asyncio.sleep(0.01)
    async with consumer._coordinator._commit_lock:  # as while another commit is under way
        commit = asyncio.create_task(consumer.commit({tp: 7}))
        await asyncio.sleep(0)
        consumer.subscribe([f"{name}-2"])
        while not consumer.assignment():
            await asyncio.sleep(0.01)
    assert tp not in consumer.assignment()
    try:
        await commit
    except CommitFailedError:
        print("mended: the commit failed, as its generation is over")
    else:
        committed = await consumer.committed(tp)
        print(f"fault: {committed} is committed for a partition that is not ours any more")
    await consumer.stop()


asyncio.run(main())
