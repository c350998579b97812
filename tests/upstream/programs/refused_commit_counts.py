"""A commit that was refused is remembered as done, and not tried again."""

import asyncio

import faust
from faust.types import TP

tp = TP("topic", 0)


async def refuse(offsets: dict) -> bool:
    """Answer as the consumer thread does where the group has rebalanced."""
    return False


async def nothing() -> None:
    pass


async def main() -> None:
    app = faust.App("refused-commit", broker="kafka://127.0.0.1:9")
    consumer = app.consumer
    consumer.assignment = lambda: {tp}
    consumer._commit = refuse
    app.producer.flush = nothing
    consumer._acked[tp] = [0, 1, 2]
    assert not await consumer.commit()
    remembered = consumer._committed_offset[tp]
    if remembered == 3:
        print(f"fault: the commit of 3 was refused, and {remembered} is held to be committed")
    else:
        print(f"mended: the commit of 3 was refused, and {remembered} is held to be committed")


asyncio.run(main())
