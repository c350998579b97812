"""A window of event time expires by the wall clock: replayed windows go at once."""

import asyncio

import faust

JULY_2018 = 1_530_403_200.0


async def main() -> None:
    app = faust.App("windows", broker="kafka://127.0.0.1:9", store="memory://")
    table = app.Table("counts", default=int).tumbling(60, expires=3600).table
    window = (JULY_2018, JULY_2018 + 60)
    table._maybe_set_key_ttl(("card", window), partition=0)  # as table["card"] += 1 does
    await table._del_old_keys()
    # The latest event is of July 2018: by event time nothing is an hour old.
    if table._partition_timestamps[0]:
        print("mended: the window of the latest event is kept")
    else:
        print("fault: the window of the latest event has expired")


asyncio.run(main())
