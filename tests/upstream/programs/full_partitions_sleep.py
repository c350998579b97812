"""While all partitions are full the fetcher sleeps for a second and cannot be woken."""

import asyncio

import faust
from faust.types import TP

slept = []


async def sleep(seconds: float) -> None:
    """Stand for the second, so that no clock decides."""
    slept.append(seconds)
    await asyncio.Event().wait()


async def fetch(active_partitions: set, timeout: float) -> dict:
    return {}


async def main() -> None:
    consumer = faust.App("full", broker="kafka://127.0.0.1:9").consumer
    consumer.sleep, consumer._getmany = sleep, fetch
    tp = TP("topic", 0)
    consumer._set_active_tps({tp})
    consumer.on_buffer_full(tp)
    fetching = asyncio.create_task(consumer._wait_next_records(1.0))
    await asyncio.sleep(0)
    consumer.on_buffer_drop(tp)
    await asyncio.wait([fetching], timeout=1)
    if fetching.done():
        print("mended: the fetcher goes on as soon as a partition has room")
    else:
        print(f"fault: a partition has room, and the fetcher sleeps {slept[0]} s regardless")
    fetching.cancel()


asyncio.run(main())
