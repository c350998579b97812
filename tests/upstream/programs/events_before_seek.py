"""A recovery that is over resumes the flow: events come before the next seek is done."""

import asyncio
import contextlib
import sys
import uuid

import faust
from aiokafka import AIOKafkaProducer

broker, name = sys.argv[1], f"before-seek-{uuid.uuid4()}"
app = faust.App(
    name,
    broker=f"kafka://{broker}",
    broker_session_timeout=6,
    broker_rebalance_timeout=6,
    topic_disable_leader=True,
    web_enabled=False,
)
event, revoked, early, seeks = asyncio.Event(), asyncio.Event(), asyncio.Queue(), []


@app.agent(app.topic(name, value_serializer="raw"))
async def work(stream: faust.StreamT) -> None:
    async for _ in stream:
        event.set()


@app.on_partitions_revoked.connect
async def on_revoked(app: faust.App, tps: set, **_: object) -> None:
    if tps:
        revoked.set()


async def slow_seek() -> dict:
    """Seek as on a slow broker: the first time, until the partitions are revoked."""
    seeks.append(1)
    if len(seeks) == 1:
        await revoked.wait()
    else:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), 60)
        early.put_nowait(event.is_set())
    return {}


async def main() -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        await producer.send_and_wait(name, b"", partition=0)
    app.consumer.seek_to_committed = slow_seek
    starting = asyncio.create_task(app.start())
    while not seeks:
        await asyncio.sleep(0.01)
    # What every member does when another one comes or goes:
    thread = app.consumer._thread
    thread.thread_loop.call_soon_threadsafe(thread._consumer._coordinator.request_rejoin)
    came_early = await early.get()
    await starting
    await app.stop()
    if came_early:
        print("fault: an event came while the seek of its assignment was under way")
    else:
        print("mended: no event comes before the seek is done")


asyncio.run(main())
