"""Linger: how long a small batch is gathered, by what small batches cost.

Every batch has a cost that does not depend on its size. If small batches came without a pause, they
would use a whole core for a trickle of events. The pause grows with the cost, so that all domains
of a worker together leave about half of its time free. On a busy machine batches take longer, and
so become larger.
"""

from __future__ import annotations

MOST_S = 0.1
"""Longest linger."""
_WEIGHT = 0.1
"""Weight of the newest batch in the average."""


class Linger:
    """Measures the cost of small batches, and derives the time between two of them.

    Parameters
    ----------
    least_s
        Shortest linger.
    domains
        How many domains the worker processes in turn.

    Examples
    --------
    >>> linger = Linger(0.010, domains=5)
    >>> linger.seconds
    0.01
    >>> linger.worked(0.004)
    >>> linger.seconds
    0.04
    """

    def __init__(self, least_s: float, domains: int) -> None:
        self._least_s, self._domains = least_s, domains
        self._cost_s: float | None = None

    def worked(self, seconds: float) -> None:
        """Record the time that a small batch took."""
        cost = self._cost_s
        self._cost_s = seconds if cost is None else cost + _WEIGHT * (seconds - cost)

    @property
    def seconds(self) -> float:
        """The time between two small batches (s)."""
        wanted = 2 * self._domains * (self._cost_s or 0.0)
        return max(self._least_s, min(wanted, MOST_S))
