"""Watching feeds: several that come together in one source, and what may be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

from streams.errors import UsageError
from streams.spans import DAY, HOUR


@dataclass(frozen=True, slots=True)
class FeedWatch:
    """How the feeds of a domain's trigger are watched.

    Counts are of what has come while the source's clock was in a bucket, whenever it happened.

    Parameters
    ----------
    column
        Says which feed an event has come by.
    unit
        Integer column of the trigger whose sum is counted: 1 for what comes independently of the
        others (a receipt), 0 for what comes with it (its other lines).
    bucket
        Width of the buckets (ms).
    expected
        A feed is silent once it has sent nothing while so many units were to be expected of it, by
        its usual share of what the others sent. By chance it has sent none with a probability of
        ``exp(-expected)`` (Poisson).
    learn
        Units of all feeds that must have come before shares say anything.
    half_life
        After so long a unit counts half in its feed's usual share (ms).
    behind, late_share, late_least
        A feed is late while at least this share of a bucket's events, and so many, are older than
        ``behind`` (ms) when they come.
    same
        Columns that name what two feeds may both tell of (a receipt).
    value
        Integer column whose sum over what is told must then agree.
    settle
        How long all parts of it may take to come (ms).
    """

    column: str
    unit: str
    bucket: int = HOUR
    expected: float = 10.0
    learn: int = 300
    half_life: int = 14 * DAY
    behind: int = HOUR
    late_share: float = 0.5
    late_least: int = 10
    same: tuple[str, ...] = ()
    value: str = ""
    settle: int = DAY

    def __post_init__(self) -> None:
        if min(self.bucket, self.settle, self.half_life) <= 0 or self.expected <= 0:
            raise UsageError("a watch counts by buckets, and expects something")
        if bool(self.same) != bool(self.value):
            raise UsageError("what two feeds tell of has a name and a value, or neither")

    def expiry(self, first: int) -> int:
        """Return when all of what has begun to be told at an instant has been told (ms)."""
        return (first + self.settle) // self.bucket * self.bucket + self.bucket
