"""The end of a table's recovery is signalled before anybody waits for it, and is lost."""

import asyncio
import sys
import uuid

import faust
from aiokafka import AIOKafkaProducer

broker, name = sys.argv[1], f"signal-{uuid.uuid4()}"
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
        for key in range(10):
            await producer.send_and_wait(
                f"{name}-counts-changelog", key=b"%d" % key, value=b"1", partition=0
            )
    recovery, ended = app.tables.recovery, asyncio.Event()
    start_fetcher = app._fetcher.maybe_start

    async def start_slowly() -> None:
        """Start as on a busy loop: the records are there before it returns."""
        await start_fetcher()
        while recovery.in_recovery:
            await asyncio.sleep(0.01)
        ended.set()

    app._fetcher.maybe_start = start_slowly
    starting = asyncio.create_task(app.start())
    await ended.wait()
    completed = asyncio.create_task(recovery.completed.wait())
    await asyncio.wait([completed], timeout=1)
    if completed.done():
        print("mended: the recovery is complete")
    else:
        print("fault: all is restored, and the recovery waits for a signal that was taken back")
    starting.cancel()
    await app.stop()


asyncio.run(main())
