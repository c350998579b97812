"""A ServiceThread that ends by CancelledError never tells: stop() waits for ever."""

import asyncio
import os

from mode.threads import ServiceThread


class Consumer(ServiceThread):
    async def on_thread_stop(self) -> None:
        raise asyncio.CancelledError  # as AIOKafkaConsumer.stop() does without its broker


async def main() -> None:
    service = Consumer()
    await service.start()
    stopping = asyncio.create_task(service.stop())
    await asyncio.to_thread(service._thread.is_stopped.wait)
    await asyncio.wait([stopping], timeout=1)
    if stopping.done():
        print("mended: stop() returned when the thread had ended", flush=True)
    else:
        print("fault: the thread has ended, and stop() still waits for it", flush=True)
    os._exit(0)  # there is no other way out


asyncio.run(main())
