"""Bounds of figures: whether a value is bad, good, or neither, as a signal."""

from __future__ import annotations

import math
from dataclasses import dataclass

from streamsim.consumers.monitor.incidents.incident import Cause, Signal
from streamsim.streams.errors import UsageError


@dataclass(frozen=True, slots=True)
class SignalBound:
    """A bound of a figure, with the margin by which a good value is better.

    Parameters
    ----------
    what
        The figure's name, for a person.
    bound
        A value beyond it is bad; one that is equal to it is not.
    margin
        A value is good if it is better than the bound by this much at least.
    hard
        A value beyond it is severe: it opens an incident at once.
    high_is_bad
        Whether larger values are worse, as those of an error are.

    Raises
    ------
    UsageError
        If the margin is negative, or the hard bound is better than the bound.

    Examples
    --------
    >>> limit = SignalBound("drift", 0.2, margin=0.05, hard=0.5)
    >>> cause = Cause("water", "drift", "feature litres")
    >>> signals = [limit.signal(cause, 0, value, 500) for value in (0.6, 0.3, 0.2, 0.15)]
    >>> [(s.is_bad, s.is_severe, s.is_good) for s in signals]
    [(True, True, False), (True, False, False), (False, False, False), (False, False, True)]
    >>> signals[1].text
    'drift 0.3, above 0.2'
    """

    what: str
    bound: float
    margin: float = 0.0
    hard: float | None = None
    high_is_bad: bool = True

    def __post_init__(self) -> None:
        if not self.margin >= 0:
            raise UsageError(f"{self.what}: the margin cannot be {self.margin}")
        if self.hard is not None and self._over(self.hard) < 0:
            raise UsageError(f"{self.what}: {self.hard} is better than the bound, {self.bound}")

    def signal(self, cause: Cause, at: int, value: float, samples: int | None = None) -> Signal:
        """Judge a value at an event time (ms); NaN is neither bad nor good."""
        over = self._over(value)
        is_bad = over > 0
        is_good = not is_bad and -over >= self.margin and over < math.inf
        side = ("above" if self.high_is_bad else "below") if is_bad else "against"
        return Signal(
            cause,
            at,
            is_bad,
            is_good,
            value,
            self.bound,
            f"{self.what} {value:.3g}, {side} {self.bound:.3g}",
            samples,
            is_severe=is_bad and self.hard is not None and self._worse(value, self.hard),
        )

    def _over(self, value: float) -> float:
        """Return how far a value is beyond the bound; negative if it is better."""
        return value - self.bound if self.high_is_bad else self.bound - value

    def _worse(self, value: float, other: float) -> bool:
        return value > other if self.high_is_bad else value < other
