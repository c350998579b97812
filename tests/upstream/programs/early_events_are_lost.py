"""What is fetched before the flow is open is dropped, and read again only if there is a commit."""

import asyncio
import sys
import uuid

import faust
from aiokafka import AIOKafkaProducer

broker, name = sys.argv[1], f"early-{uuid.uuid4()}"
app = faust.App(
    name,
    broker=f"kafka://{broker}",
    broker_session_timeout=6,
    broker_rebalance_timeout=6,
    topic_disable_leader=True,
    web_enabled=False,
)
seen, revoked, fetched, seeks = asyncio.Queue(), asyncio.Event(), asyncio.Event(), []


@app.agent(app.topic(name, value_serializer="raw"))
async def work(stream: faust.StreamT) -> None:
    async for event in stream.events():
        seen.put_nowait(event.message.offset)


@app.on_partitions_revoked.connect
async def on_revoked(app: faust.App, tps: set, **_: object) -> None:
    if tps:
        revoked.set()


async def main() -> None:
    getmany, seek_to_committed = app.consumer._getmany, app.consumer.seek_to_committed

    async def long_fetch(active_partitions: set, timeout: float) -> dict:
        """Wait longer than a second, so that the fetch is under way during the rebalance."""
        records = await getmany(active_partitions, 20)
        if revoked.is_set():
            fetched.set()
        return records

    async def slow_seek() -> dict:
        """Seek as on a slow broker: after the rebalance, later than the fetch returns."""
        seeks.append(1)
        if len(seeks) == 2:
            await asyncio.wait_for(fetched.wait(), 60)
        return await seek_to_committed()

    app.consumer._getmany, app.consumer.seek_to_committed = long_fetch, slow_seek
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        await producer.partitions_for(name)  # creates the topic
        await app.start()
        thread = app.consumer._thread
        while not thread._consumer._fetcher._fetch_waiters:
            await asyncio.sleep(0.01)
        # What every member does when another one comes or goes:
        thread.thread_loop.call_soon_threadsafe(thread._consumer._coordinator.request_rejoin)
        await revoked.wait()
        await producer.send_and_wait(name, b"", partition=0)
        while app.rebalancing_count < 2 or app.rebalancing:
            await asyncio.sleep(0.01)
        await producer.send_and_wait(name, b"", partition=0)
    first = await seen.get()
    await app.stop()
    if first == 0:
        print("mended: the first event that comes is that at offset 0")
    else:
        print(f"fault: nothing was committed, and the first event that comes is at offset {first}")


asyncio.run(main())
