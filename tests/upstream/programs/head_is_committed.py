"""Faust commits past an event that is not acknowledged."""

import asyncio
import sys
import uuid

import faust
from aiokafka import AIOKafkaProducer
from faust.types import TP

broker, name = sys.argv[1], f"head-{uuid.uuid4()}"
app = faust.App(
    name,
    broker=f"kafka://{broker}",
    broker_session_timeout=6,
    broker_rebalance_timeout=6,
    topic_disable_leader=True,
    web_enabled=False,
)
done = asyncio.Event()


@app.agent(app.topic(name, value_serializer="raw"))
async def work(stream: faust.StreamT) -> None:
    async for event in stream.noack().events():
        if event.message.offset > 0:  # the first is still being worked
            event.ack()
        if event.message.offset == 4:
            done.set()


async def main() -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for _ in range(5):
            await producer.send_and_wait(name, b"", partition=0)
    await app.start()
    await done.wait()
    await app.consumer.commit()
    committed = app.monitor.tp_committed_offsets.get(TP(name, 0))
    await app.stop()
    if committed:
        print(f"fault: offset 0 is not acknowledged, and {committed} is committed")
    else:
        print("mended: nothing is committed before offset 0 is acknowledged")


asyncio.run(main())
