"""What is acknowledged when partitions are revoked is forgotten, not committed."""

import asyncio
import sys
import uuid

import faust
from aiokafka import AIOKafkaProducer

broker, name = sys.argv[1], f"forgotten-{uuid.uuid4()}"
app = faust.App(
    name,
    broker=f"kafka://{broker}",
    broker_session_timeout=6,
    broker_rebalance_timeout=6,
    broker_commit_interval=3600,  # so that the revocation alone can commit
    topic_disable_leader=True,
    web_enabled=False,
)
seen = asyncio.Queue()


@app.agent(app.topic(name, value_serializer="raw"))
async def work(stream: faust.StreamT) -> None:
    async for event in stream.events():
        seen.put_nowait(event.message.offset)


async def main() -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for _ in range(2):
            await producer.send_and_wait(name, b"", partition=0)
        await app.start()
        for offset in range(2):
            assert await seen.get() == offset
        while sum(map(len, app.consumer._acked.values())) < 2:
            await asyncio.sleep(0.01)
        # What every member does when another one comes or goes:
        thread = app.consumer._thread
        thread.thread_loop.call_soon_threadsafe(thread._consumer._coordinator.request_rejoin)
        while app.rebalancing_count < 2 or app.rebalancing:
            await asyncio.sleep(0.01)
        await producer.send_and_wait(name, b"", partition=0)
    following = await seen.get()
    await app.stop()
    if following == 0:
        print("fault: offsets 0 and 1 were acknowledged, and come again after a rebalance")
    else:
        print(f"mended: after the rebalance comes offset {following}")


asyncio.run(main())
