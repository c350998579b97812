"""How long a fetch may take at a broker that gets slower with all that it holds.

The embedded broker goes through a partition's whole list of batches for each fetch, about half a
microsecond a batch, and stops where ``fetch_max_wait_ms`` ends: then it answers with a single
record, or leaves partitions out. An answer with records comes as soon as there is one, so that a
longer wait costs nothing but the delay of an empty answer, when little is sent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

LONGEST_MS = 1_000
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class FetchWait:
    """The wait of a fetch at one kind of broker.

    Parameters
    ----------
    base_ms
        While the broker holds little.
    growth_us
        More for every record that the fetched partitions hold.
    """

    base_ms: int
    growth_us: float

    def at(self, held: int) -> int:
        """Return the wait where so many records are held (ms).

        >>> FetchWait(5, 2.0).at(0), FetchWait(5, 2.0).at(100_000)
        (5, 205)
        """
        return min(max(LONGEST_MS, self.base_ms), self.base_ms + int(held * self.growth_us / 1000))


class Patience:
    """Keeps a consumer's wait in line with what its partitions hold; call it now and then."""

    def __init__(self, consumer: AIOKafkaConsumer, wait: FetchWait) -> None:
        self._consumer, self._wait = consumer, wait
        self._looked = 0.0

    def adapt(self) -> None:
        """Set the wait anew, every half second at most."""
        now = time.monotonic()
        if not self._wait.growth_us or now - self._looked < LOOK_S:
            return
        self._looked = now
        consumer = self._consumer
        held = sum(consumer.highwater(tp) or 0 for tp in consumer.assignment())
        # There is no public way to change it while the consumer runs.
        consumer._fetcher._fetch_max_wait_ms = self._wait.at(held)  # noqa: SLF001
