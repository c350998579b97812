"""Labels of kept scores: the same that the workers' label join gives, as of a time.

See :mod:`streamsim.consumers.monitor.label_join` for the rule: a label counts if it became known
within the delay after its event; of several, the one that became known last.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats, Ints, Mask


class FinalLabels:
    """Labels, or numbers, of known events; bounded by the number of these events.

    Parameters
    ----------
    ids, times
        Fingerprints of the events' ids, in any order, and their times (ms).
    delay
        How long after an event its label counts (ms).
    known_until
        Labels that became known at this time or later are not used, and events of which one may
        have become known then have no label (ms).
    """

    def __init__(self, ids: Ints, times: Ints, delay: int, known_until: int) -> None:
        order = np.argsort(ids, kind="stable")
        self._ids, self._order, self._times = ids[order], order, times[order]
        self._delay, self._until = delay, known_until
        self._known = np.full(len(ids), -1 << 62)
        self._value = np.zeros(len(ids))
        self._found = np.zeros(len(ids), bool)

    def take(self, ids: Ints, known: Ints, values: npt.NDArray[np.number]) -> None:
        """Take labels in the order of their topic.

        Parameters
        ----------
        ids
            Fingerprints of the ids of the labelled events.
        known
            When each became known (ms).
        """
        if not len(self._ids) or not len(ids):
            return
        at = np.searchsorted(self._ids, ids).clip(0, len(self._ids) - 1)
        good = (self._ids[at] == ids) & (known <= self._times[at] + self._delay)
        good &= known < self._until
        at, known, values = at[good], known[good], values[good]
        order = np.argsort(known, kind="stable")
        at, known, values = at[order], known[order], values[order]
        last = len(at) - 1 - np.unique(at[::-1], return_index=True)[1]
        at, known, values = at[last], known[last], values[last]
        newer = known >= self._known[at]
        at = at[newer]
        self._known[at], self._value[at] = known[newer], values[newer]
        self._found[at] = True

    def values(self, missing: float) -> tuple[Floats, Mask]:
        """Return the value of each event, in the given order, and whether it is final.

        Parameters
        ----------
        missing
            Value of an event without a label.
        """
        value = np.full(len(self._ids), missing)
        value[self._found] = self._value[self._found]
        own, final = np.empty(len(value)), np.empty(len(value), bool)
        own[self._order] = value
        final[self._order] = self._times + self._delay < self._until
        return own, final
