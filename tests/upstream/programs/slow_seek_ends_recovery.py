"""A seek that takes longer than broker_request_timeout ends the recovery for good."""

import asyncio
import sys
import uuid

import faust

broker, name = sys.argv[1], f"slow-seek-{uuid.uuid4()}"
app = faust.App(
    name,
    broker=f"kafka://{broker}",
    broker_session_timeout=6,
    broker_rebalance_timeout=6,
    topic_disable_leader=True,
    web_enabled=False,
)
given_up = asyncio.Event()


@app.agent(app.topic(name, value_serializer="raw"))
async def work(stream: faust.StreamT) -> None:
    async for _ in stream:
        pass


@app.on_partitions_revoked.connect
async def on_revoked(app: faust.App, tps: set, **_: object) -> None:
    app.conf.broker_request_timeout = 1  # shorter than the session's, to save time


async def slow_seek() -> dict:
    """Seek as on a broker that does not answer in time."""
    try:
        await asyncio.Event().wait()
    finally:
        given_up.set()


async def main() -> None:
    recovery = app.tables.recovery
    app.consumer.seek_to_committed = slow_seek
    starting = asyncio.create_task(app.start())
    await given_up.wait()
    recovery.signal_recovery_start.set()  # what the next rebalance does
    for _ in range(100):
        await asyncio.sleep(0.01)
    unheard = recovery.signal_recovery_start.is_set()
    crashed = app.crashed
    await app.stop()
    starting.cancel()
    if unheard and not crashed:
        print("fault: the worker lives, reads nothing, and hears of no rebalance any more")
    else:
        print("mended: the recovery tries again, or the worker crashes")


asyncio.run(main())
