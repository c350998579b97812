"""Trimming: delete the records of a partition that will not be read again."""

from __future__ import annotations

import logging

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)


class Trimmer:
    """Deletes the beginnings of partitions; call :meth:`start` before, and :meth:`stop` after.

    A failure is only logged: the next snapshot tries again.
    """

    def __init__(self, bootstrap: str) -> None:
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)

    async def start(self) -> None:
        """Connect."""
        await self._admin.start()

    async def stop(self) -> None:
        """Close the connection."""
        await self._admin.close()

    async def before(self, topic: str, partition: int, offset: int) -> None:
        """Delete the records before an offset."""
        place = TopicPartition(topic, partition)
        try:
            await self._admin.delete_records({place: RecordsToDelete(offset)}, timeout_ms=5_000)
        except (KafkaError, OSError) as error:
            log.warning("%s, partition %d: not trimmed: %r", topic, partition, error)
