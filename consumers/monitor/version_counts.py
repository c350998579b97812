"""Version counts: how often each version was due to score a batch, answered or failed, how fast.

A worker counts by plan and part in it, from its start on, and publishes the sums. So a record that
is lost or read twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from streamsim.consumers.monitor.latency_histogram import Latencies
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.stored.foreign_records import Kinds, check_fields, check_list

CHAMPION, CANARY, SHADOW = ROLES = "champion", "canary", "shadow"
KEPT = 12
"""Most counts that a worker keeps: those of the latest plans."""


class Part(NamedTuple):
    """A version in its part of a plan.

    Attributes
    ----------
    since
        From when on the plan holds (ms).
    role
        One of :data:`ROLES`.
    """

    since: int
    role: str
    version: str


@dataclass(frozen=True, slots=True)
class Count:
    """How often a version was due to score a batch, and what came of it.

    Attributes
    ----------
    times, rows
        Batches that it was due to score, and their rows.
    failed, failed_rows
        Those of them that it has not scored: a stand-in did, or, of a shadow, nothing.
    ms
        Histogram of the times of its answers; see :class:`Latencies`.
    why
        What was said at its last failure.
    """

    times: int = 0
    rows: int = 0
    failed: int = 0
    failed_rows: int = 0
    ms: Mapping[str, int] = field(default_factory=dict)
    why: str = ""

    @property
    def answered(self) -> int:
        """Batches that it has scored."""
        return self.times - self.failed

    def plus(self, other: Count) -> Count:
        """Return the sum, with the later failure's reason.

        >>> some = Count(2, 10, 1, 4, {"48": 1}, "ValueError: x")
        >>> some.plus(some).minus(some) == some
        True
        """
        return self._with(other, 1, other.why or self.why)

    def minus(self, earlier: Count) -> Count:
        """Return what has come since an earlier sum."""
        return self._with(earlier, -1, self.why)

    def _with(self, other: Count, sign: int, why: str) -> Count:
        buckets = {*self.ms, *other.ms}
        ms = {b: self.ms.get(b, 0) + sign * other.ms.get(b, 0) for b in sorted(buckets)}
        return Count(
            self.times + sign * other.times,
            self.rows + sign * other.rows,
            self.failed + sign * other.failed,
            self.failed_rows + sign * other.failed_rows,
            {bucket: count for bucket, count in ms.items() if count > 0},
            why,
        )

    def percentile(self, percent: float) -> float:
        """Return the time that so many of its answers did not exceed (ms), 0 without answers."""
        found = Latencies()
        found.merge(self.ms)
        return found.percentile(percent)


class VersionCounts:
    """The counts of one worker, since it started."""

    def __init__(self) -> None:
        self._counts: dict[Part, Count] = {}

    def answered(self, part: Part, rows: int, seconds: float) -> None:
        """Count a batch that a version has scored."""
        took = Latencies()
        took.add(np.array([round(seconds * 1000)]))
        self._add(part, Count(1, rows, ms=took.as_dict()))

    def failed(self, part: Part, rows: int, why: str) -> None:
        """Count a batch that a version has not scored."""
        self._add(part, Count(1, rows, 1, rows, why=why))

    def _add(self, part: Part, count: Count) -> None:
        self._counts[part] = self._counts.get(part, Count()).plus(count)
        while len(self._counts) > KEPT:
            del self._counts[min(self._counts)]

    def as_list(self) -> list[dict[str, Any]]:
        """Return the sums as JSON types."""
        return [
            {
                **part._asdict(), "times": own.times, "rows": own.rows, "failed": own.failed,
                "failed_rows": own.failed_rows, "ms": dict(own.ms), "why": own.why,
            }
            for part, own in self._counts.items()
        ]  # fmt: skip


_NUMBERS = ("since", "times", "rows", "failed", "failed_rows")
_FIELDS: Mapping[str, Kinds] = {
    **dict.fromkeys(_NUMBERS, int),
    **dict.fromkeys(("role", "version", "why"), str),
    "ms": dict,
}


def read_counts(items: Iterable[Any]) -> dict[Part, Count]:
    """Read the sums of a worker.

    Raises
    ------
    ForeignRecordError
        If they are none.
    """
    check_list(items, dict, "versions")
    found = {}
    for item in items:
        body = check_fields(item, _FIELDS)
        times, failed, ms = body["times"], body["failed"], body["ms"]
        check_list(list(ms.values()), int, "ms")
        is_right = 0 <= failed <= times and 0 <= body["failed_rows"] <= body["rows"]
        buckets = all(name.removeprefix("-").isdecimal() and len(name) < 6 for name in ms)
        if (
            body["role"] not in ROLES
            or not is_right
            or not buckets
            or min(ms.values(), default=0) < 0
        ):
            raise ForeignRecordError("versions: no counts")
        found[Part(body["since"], body["role"], body["version"])] = Count(
            times, body["rows"], failed, body["failed_rows"], ms, body["why"]
        )
    return found
