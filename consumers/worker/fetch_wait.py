"""Adaptive fetch wait, for a broker that gets slower with the number of batches that it holds.

For each fetch the embedded broker scans a partition's whole list of record batches, at about a
microsecond per batch, and stops after ``fetch_max_wait_ms``: partitions that it has not reached by
then look empty. So the wait must exceed the scan. But if the broker finds no records, it sleeps for
half of the wait before it scans again: each additional millisecond of wait costs a quarter of a
millisecond of latency. So the wait follows the number of batches, which are counted in responses.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from struct import Struct
from typing import Any

from aiokafka import AIOKafkaConsumer

LONGEST_MS = 1_000
LOOK_S = 0.5
_FETCH = 1
"""The protocol's number of a fetch."""


@dataclass(frozen=True, slots=True)
class FetchWait:
    """The wait of a fetch at one kind of broker.

    Parameters
    ----------
    base_ms
        Wait at a nearly empty broker.
    growth_us
        Additional wait per record batch that the fetched partitions hold.
    """

    base_ms: int
    growth_us: float

    def at(self, batches: float) -> int:
        """Return the wait for ``batches`` held batches (ms).

        >>> FetchWait(5, 2.0).at(0), FetchWait(5, 2.0).at(10_000)
        (5, 25)
        """
        return min(
            max(LONGEST_MS, self.base_ms), self.base_ms + int(batches * self.growth_us / 1000)
        )


class AdaptiveFetchWait:
    """Adapts a consumer's fetch wait to its partitions' contents; call :meth:`adapt` regularly.

    Records that have not been fetched are assumed to lie in batches of the mean size seen so far;
    before the first fetch, in batches of one record.
    """

    def __init__(self, consumer: AIOKafkaConsumer, wait: FetchWait) -> None:
        self._consumer, self._wait = consumer, wait
        self._looked = 0.0
        self._batches = self._records = 1
        if wait.growth_us:
            # aiokafka has no public way to inspect a fetch response, nor to change the wait.
            self._send = consumer._client.send  # noqa: SLF001
            consumer._client.send = self._counted  # noqa: SLF001

    def adapt(self) -> None:
        """Update the wait, every half second at most."""
        now = time.monotonic()
        if not self._wait.growth_us or now - self._looked < LOOK_S:
            return
        self._looked = now
        consumer = self._consumer
        records = sum(consumer.highwater(tp) or 0 for tp in consumer.assignment())
        batches = records * self._batches / self._records
        consumer._fetcher._fetch_max_wait_ms = self._wait.at(batches)  # noqa: SLF001

    async def _counted(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request, and count the batches in a fetch response."""
        response = await self._send(*args, **kwargs)
        if getattr(response, "API_KEY", None) == _FETCH:
            for _, partitions in response.topics:
                for *_, data in partitions:
                    batches, records = count_batches(data or b"")
                    self._batches += batches
                    self._records += records
        return response


_LENGTH, _MAGIC, _COUNT = Struct(">8xi"), 16, Struct(">57xi")
_HEADER = 61


def count_batches(data: bytes) -> tuple[int, int]:
    r"""Count the record batches in a partition's part of a fetch response, and their records.

    A truncated batch at the end does not count; neither do messages of older formats.

    References
    ----------
    https://kafka.apache.org/documentation/#recordbatch: the length is at byte 8 and counts what
    comes after it, the magic byte at 16, the number of records at 57.

    Examples
    --------
    >>> batch = bytes(8) + (49).to_bytes(4, "big") + bytes(4) + b"\2" + bytes(40)
    >>> count_batches((batch + (7).to_bytes(4, "big")) * 3)
    (3, 21)
    """
    batches = records = start = 0
    while start + _HEADER <= len(data) and data[start + _MAGIC] == 2:
        end = start + 12 + int(_LENGTH.unpack_from(data, start)[0])
        if not start < end <= len(data):
            break
        batches, records = batches + 1, records + _COUNT.unpack_from(data, start)[0]
        start = end
    return batches, records
