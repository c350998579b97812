"""How long a fetch may take at a broker that gets slower with all that it holds.

The embedded broker goes through a partition's whole list of record batches for each fetch, about a
microsecond a batch, and gives up where ``fetch_max_wait_ms`` ends: the partitions that it has not
come to by then look empty. So the wait must be longer than that takes. But where the broker finds
nothing it sleeps for half of the wait before it looks again, so that every millisecond more is a
quarter of one for each event. Therefore batches are counted, as they pass by, and not records.
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
        While the broker holds little.
    growth_us
        More for every record batch that the fetched partitions hold.
    """

    base_ms: int
    growth_us: float

    def at(self, batches: float) -> int:
        """Return the wait where so many batches are held (ms).

        >>> FetchWait(5, 2.0).at(0), FetchWait(5, 2.0).at(10_000)
        (5, 25)
        """
        return min(
            max(LONGEST_MS, self.base_ms), self.base_ms + int(batches * self.growth_us / 1000)
        )


class AdaptiveFetchWait:
    """Keeps a consumer's wait in line with what its partitions hold; call it now and then.

    What lay there before the consumer began is taken to come in batches of the size of those that
    it has seen since; until it has seen any, in batches of one record.
    """

    def __init__(self, consumer: AIOKafkaConsumer, wait: FetchWait) -> None:
        self._consumer, self._wait = consumer, wait
        self._looked = 0.0
        self._batches = self._records = 1
        if wait.growth_us:
            # There is no public way to see what a fetch brings, nor to change its wait.
            self._send = consumer._client.send  # noqa: SLF001
            consumer._client.send = self._counted  # noqa: SLF001

    def adapt(self) -> None:
        """Set the wait anew, every half second at most."""
        now = time.monotonic()
        if not self._wait.growth_us or now - self._looked < LOOK_S:
            return
        self._looked = now
        consumer = self._consumer
        records = sum(consumer.highwater(tp) or 0 for tp in consumer.assignment())
        batches = records * self._batches / self._records
        consumer._fetcher._fetch_max_wait_ms = self._wait.at(batches)  # noqa: SLF001

    async def _counted(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request, and count the batches in the answer to a fetch."""
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
    r"""Count the record batches in the answer for a partition, and their records.

    A batch that was cut off at the end does not count; neither does what older formats wrote.

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
