"""Feed monitoring: silent, late, surging and disagreeing feeds of one source."""

from __future__ import annotations

from dataclasses import dataclass

from streamsim.streams.errors import UsageError
from streamsim.streams.spec.spans import DAY, HOUR


@dataclass(frozen=True, slots=True)
class Surge:
    """Limits of a surge: a feed sends far more than usual.

    The usual count is that of the same time in earlier periods, so a daily or weekly peak is no
    surge.

    Parameters
    ----------
    period
        Length of the seasonal cycle: a day, or a week (ms).
    learn
        How long a feed must have been known (ms); a feed that was silent for longer is new.
    half_life
        Half-life of a period's weight (ms).
    times
        A surge exceeds the usual count by this factor,
    sure
        by this many standard deviations of a Poisson process with the feed's own extra scatter,
    least
        and this many units in a bucket.
    kinds
        The planted kinds that are surges; an alert about any other kind is wrong.
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
            raise UsageError("a surge's learn must be at least one period")
        if not self.times > 1 or not self.sure > 0 or self.least < 0:
            raise UsageError("a surge needs times above 1, sure above 0 and least from 0")


@dataclass(frozen=True, slots=True)
class FeedWatch:
    """How the feeds of a domain's trigger are monitored.

    An event counts in the bucket of its source's clock at arrival, not in that of its event time.

    Parameters
    ----------
    column
        Column with the feed of an event; empty: the whole trigger is one feed.
    unit
        Integer column of the trigger whose sum is counted: 1 for an independent event (the first
        line of an order), 0 for one that comes with it (its other lines).
    bucket
        Width of the buckets (ms).
    expected
        A feed is silent if it has sent nothing while this many units were expected of it, by its
        usual share of the other feeds' units. This happens by chance with a probability of
        ``exp(-expected)`` (Poisson).
    learn
        Units that all feeds must have sent before shares are used.
    half_life
        Half-life of a unit's weight in its feed's usual share (ms).
    behind, late_share, late_least
        A feed is late while at least this share of a bucket's events, and at least so many, are
        older than ``behind`` (ms) when they arrive.
    same
        Columns that identify a thing that two feeds may both report (an order).
    value
        Integer column whose sum over that thing must agree between the feeds.
    settle
        How long all events of such a thing may take to arrive (ms).
    surge
        When a feed sends more than usual; ``None``: surges are not reported.
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
            raise UsageError("bucket, settle, half_life and expected must be positive")
        if bool(self.same) != bool(self.value):
            raise UsageError("same and value must be given together, or neither")
        if self.surge is not None and self.surge.period % self.bucket:
            raise UsageError("the period of a surge must be a multiple of the bucket")

    def expiry(self, first: int) -> int:
        """Return when a thing is complete whose first event arrived at an instant (ms)."""
        return (first + self.settle) // self.bucket * self.bucket + self.bucket
