"""An event whose agent raised is acknowledged, and never processed again."""

import asyncio
import sys
import uuid

import faust
from aiokafka import AIOKafkaProducer
from faust.types import TP

broker, name = sys.argv[1], f"failed-{uuid.uuid4()}"
app = faust.App(
    name,
    broker=f"kafka://{broker}",
    broker_session_timeout=6,
    broker_rebalance_timeout=6,
    topic_disable_leader=True,
    web_enabled=False,
)
seen = asyncio.Queue()


@app.agent(app.topic(name, value_serializer="raw"))
async def work(stream: faust.StreamT) -> None:
    async for event in stream.events():
        seen.put_nowait(event.message.offset)
        if event.message.offset == 0:
            raise RuntimeError("the database is away for a moment")


async def main() -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for _ in range(2):
            await producer.send_and_wait(name, b"", partition=0)
    await app.start()
    assert await seen.get() == 0
    following = await seen.get()
    await app.consumer.commit()
    committed = app.monitor.tp_committed_offsets.get(TP(name, 0))
    await app.stop()
    if following == 1 and committed:
        print(f"fault: the agent failed at offset 0, and {committed} is committed")
    else:
        print("mended: what failed is not committed, or is tried again")


asyncio.run(main())
