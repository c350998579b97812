"""Watching feeds: several that come together in one source, and what may be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

from streamsim.streams.errors import UsageError
from streamsim.streams.spec.spans import DAY, HOUR


@dataclass(frozen=True, slots=True)
class Surge:
    """When a feed sends far more than is usual.

    What is usual is what it has sent at the same time of the periods before: that there is more of
    it in the evening, or at the weekend, is no surge.

    Parameters
    ----------
    period
        After so long times are the same again: a day, or a week (ms).
    learn
        So long a feed must have been known (ms); a feed that was silent for longer is new.
    half_life
        After so long a period counts half (ms).
    times
        A surge is more than so many times what is usual,
    sure
        further above it than so many standard deviations, which are those of a Poisson process
        with the scatter that the feed has shown beyond it,
    least
        and more than so many units in a bucket.
    kinds
        The planted kinds that are surges; what is told of others is wrong.
    """

    period: int = DAY
    learn: int = 7 * DAY
    half_life: int = 7 * DAY
    times: float = 2.0
    sure: float = 6.0
    least: int = 30
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if min(self.period, self.half_life) <= 0 or self.learn < self.period:
            raise UsageError("what is usual is learnt for a period at least")
        if not self.times > 1 or not self.sure > 0 or self.least < 0:
            raise UsageError("a surge is more than what is usual, and more than chance")


@dataclass(frozen=True, slots=True)
class FeedWatch:
    """How the feeds of a domain's trigger are watched.

    Counts are of what has come while the source's clock was in a bucket, whenever it happened.

    Parameters
    ----------
    column
        Says which feed an event has come by; empty: all of the trigger is one feed.
    unit
        Integer column of the trigger whose sum is counted: 1 for what comes independently of the
        others (an order), 0 for what comes with it (its other lines).
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
        Columns that name what two feeds may both tell of (an order).
    value
        Integer column whose sum over what is told must then agree.
    settle
        How long all parts of it may take to come (ms).
    surge
        When more comes by a feed than is usual, if that is to be told.
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
    surge: Surge | None = None

    def __post_init__(self) -> None:
        if min(self.bucket, self.settle, self.half_life) <= 0 or self.expected <= 0:
            raise UsageError("a watch counts by buckets, and expects something")
        if bool(self.same) != bool(self.value):
            raise UsageError("what two feeds tell of has a name and a value, or neither")
        if self.surge is not None and self.surge.period % self.bucket:
            raise UsageError("a period of a watch has whole buckets")

    def expiry(self, first: int) -> int:
        """Return when all of what has begun to be told at an instant has been told (ms)."""
        return (first + self.settle) // self.bucket * self.bucket + self.bucket
