"""Scenarios: a recording written by hand, with events and heartbeats in order of arrival."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from streamsim.producers.batches import Batch, Leaps, heartbeats
from streamsim.producers.recording import Recording
from streamsim.producers.wire import partition_of
from streamsim.simulator.testing.replay import record_batches
from streamsim.simulator.testing.times import Instant, instant_ms
from streamsim.streams.codec import format_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.spec import DomainSpec


class Scenario:
    """A recording written by hand, event by event, in order of arrival.

    Parameters
    ----------
    domain
        Name of a domain, or its spec.

    Notes
    -----
    The sources' clocks follow the events: an event older than one before it is out of order, and
    late if it is older by more than the lateness of its source.

    Examples
    --------
    >>> events = Scenario("finance")
    >>> events.add("transactions", at="2025-03-01T12:00:00Z", card_id="c1", terminal_id="t1",
    ...            amount_cents=1_999)
    'transactions-1'
    >>> len(events.recording().of("finance.transactions")) > 1
    True
    """

    def __init__(self, domain: str | DomainSpec) -> None:
        self.spec = load_domain(domain) if isinstance(domain, str) else domain
        self._batches: list[Batch] = []
        self._count = 0
        self._clock: int | None = None

    def add(self, source: str, *, at: Instant, event_id: str | None = None, **fields: Any) -> str:
        """Add an event; return its id.

        Parameters
        ----------
        at
            Its event time.
        fields
            Its other fields, as in JSON.
        """
        spec = self.spec.source(source)
        time = instant_ms(at)
        self._count += 1
        event_id = event_id or f"{source}-{self._count}"
        stamp = format_times(np.array([time]))[0]
        value = orjson.dumps({"event_id": event_id, "event_time": stamp, **fields})
        entity = fields.get(spec.key)
        self.add_raw(source, value, at=time, key=entity.encode() if entity else None)
        return event_id

    def add_raw(self, source: str, value: bytes, *, at: Instant, key: bytes | None = None) -> None:
        """Add a record of any bytes, at a time of the source's clock."""
        self._tick(instant_ms(at))
        clock = self._clock or 0
        n = self.spec.partitions
        self._batches.append(
            Batch(
                [source],
                [partition_of(key or value, n)],
                np.array([clock]),
                [max(instant_ms(at), 0)],
                [key],
                [value],
                [False],
            )
        )

    def recording(self) -> Recording:
        """Return the events so far as a recording."""
        return record_batches(self.spec, list(map(Leaps(self.spec).announced, self._batches)))

    def _tick(self, time: int) -> None:
        """Send the heartbeats of all sources that are due before an event."""
        step = self.spec.inputs.heartbeat
        before, now = self._clock, max(time, self._clock or time)
        if before is None or now // step > before // step:
            names = [s.name for s in self.spec.inputs.sources]
            self._batches.append(heartbeats(names, self.spec.partitions, now // step * step))
        self._clock = now
