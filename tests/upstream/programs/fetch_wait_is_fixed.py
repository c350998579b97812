"""No setting says how long the broker may keep an unfilled fetch."""

import asyncio

import faust


async def main() -> None:
    names = {name for name in faust.Settings.SETTINGS if "fetch" in name and "wait" in name}
    app = faust.App("fetch-wait", broker="kafka://127.0.0.1:9", **dict.fromkeys(names, 0.005))
    consumer = app.consumer._thread._create_worker_consumer(app.transport)
    wait_ms = consumer._fetch_max_wait_ms
    if wait_ms == 1500:
        print(f"fault: fetch_max_wait_ms is {wait_ms}, and no setting of Faust's changes it")
    else:
        print(f"mended: {sorted(names)} set it to {wait_ms}")


asyncio.run(main())
