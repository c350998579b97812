"""AIOKafkaConsumer.stop() raises CancelledError when a fetch has failed just before."""

import asyncio
import logging
import sys
import uuid

from aiokafka import AIOKafkaConsumer, TopicPartition

failed = asyncio.Event()
# The fetcher logs a failed fetch, and then sleeps for retry_backoff_ms.
logging.getLogger("aiokafka.consumer.fetcher").addFilter(lambda record: failed.set() or True)


async def main() -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=sys.argv[1], retry_backoff_ms=1000)
    await consumer.start()
    consumer.assign([TopicPartition(f"stop-{uuid.uuid4()}", 0)])
    consumer.seek(*consumer.assignment(), 0)
    await consumer.getmany(timeout_ms=100)
    print("stop the broker, then press Enter", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await failed.wait()
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        print("fault: stop() raised CancelledError, and no task had cancelled it")
    else:
        print("mended: stop() returned")
    await consumer._client.close()


asyncio.run(main())
