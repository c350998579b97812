"""The embedded broker refuses an id to aiokafka's idempotent producer."""

import asyncio
import sys

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError


async def main() -> None:
    producer = AIOKafkaProducer(bootstrap_servers=sys.argv[1], enable_idempotence=True)
    try:
        await producer.start()
    except KafkaError as error:
        print(f"fault: the idempotent producer does not start: {error!r}")
    else:
        print("mended: the idempotent producer starts")
    finally:
        await producer.stop()


asyncio.run(main())
