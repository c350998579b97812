"""A table is declared restored while keys of its changelog are missing."""

import asyncio
import sys
import uuid

import faust
from aiokafka import AIOKafkaProducer

broker, name = sys.argv[1], f"table-{uuid.uuid4()}"
app = faust.App(
    name,
    broker=f"kafka://{broker}",
    broker_session_timeout=6,
    broker_rebalance_timeout=6,
    topic_disable_leader=True,
    web_enabled=False,
    store="memory://",
)
table = app.Table("counts", default=int, partitions=4)


@app.agent(app.topic(name))
async def work(stream: faust.StreamT) -> None:
    async for _ in stream:
        pass


async def main() -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        await producer.send_and_wait(name, b"", partition=0)
        batch = producer.create_batch()
        for key in range(100):
            batch.append(key=b"%d" % key, value=b"1", timestamp=None)
        await (await producer.send_batch(batch, f"{name}-counts-changelog", partition=0))
    await app.start()
    keys = len(table.data)
    await app.stop()
    if keys == 100:
        print("mended: all 100 keys of the changelog are there")
    else:
        print(f"fault: restore complete, and {keys} of the 100 keys of the changelog are there")


asyncio.run(main())
