"""The times at which a model may learn anew, and the periods that its versions answer for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints


@dataclass(frozen=True, slots=True)
class Grid:
    """Times on an even grid. At each one a model may learn anew; at the first one it must.

    A version that learnt at a time answers from the lead later on: so long its training takes.

    Parameters
    ----------
    begin, step, lead
        The first time, the time between two, and that of training (ms).
    count
        Number of times.

    Raises
    ------
    UsageError
        If the step or the count is not positive, or the lead is negative.

    Examples
    --------
    >>> grid = Grid(begin=100, step=10, lead=3, count=2)
    >>> grid.at(1), grid.segment(np.array([102, 103, 112, 113, 122, 123])).tolist()
    (110, [-1, 0, 0, 1, 1, -1])
    """

    begin: int
    step: int
    lead: int
    count: int

    def __post_init__(self) -> None:
        if self.step < 1 or self.count < 1 or self.lead < 0:
            raise UsageError("a grid needs a step, a time and no negative lead")

    @classmethod
    def over(cls, times: Ints, first: int, step: int, lead: int) -> Grid:
        """Return the grid over rows whose first part, of a length (ms), is learnt from at first.

        Raises
        ------
        UsageError
            If nothing comes after that part.
        """
        begin = int(times[0]) + first
        count = (int(times[-1]) - begin - lead) // step + 1
        if count < 1:
            raise UsageError("the stream ends before the first model answers: a longer one is due")
        return cls(begin, step, lead, count)

    def at(self, step: int) -> int:
        """Return a time of the grid (ms)."""
        return self.begin + step * self.step

    def segment(self, times: Ints) -> Ints:
        """Return for whose version's period each time is, -1 for none."""
        own = (times - self.begin - self.lead) // self.step
        return np.where((own >= 0) & (own < self.count), own, -1)
