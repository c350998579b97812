"""Profile window: the sum over partitions of the newest buckets of profile counts."""

from __future__ import annotations

from dataclasses import dataclass

from streamsim.consumers.monitor.bucket_sums import BucketSums
from streamsim.consumers.monitor.drift.profile_counts import read_profiles
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import Ints
from streamsim.streams.statistics.reference_profile import CELLS, Reference


@dataclass(frozen=True, slots=True, eq=False)
class WindowCounts:
    """Counts of a window.

    Attributes
    ----------
    end
        The event time at which it ends (ms).
    counts
        Shape ``(n_features + 1, CELLS)``.
    """

    end: int
    counts: Ints


class ProfileWindow:
    """Sliding windows over published counts.

    Parameters
    ----------
    span
        Length of a window (ms), a multiple of ``step``.
    step
        Length of a bucket (ms), as it was published.
    """

    def __init__(self, reference: Reference, partitions: int, *, span: int, step: int) -> None:
        self._bins = reference.fingerprint()
        self._sums = BucketSums((len(reference.columns), CELLS), partitions, span=span, step=step)

    def apply(self, value: bytes | None) -> list[WindowCounts]:
        """Add a published record; return the windows that it completes, in order.

        A window ends with each bucket that has rows. A record that was applied changes nothing.

        Raises
        ------
        ForeignRecordError
            If it is no record of these counts.
        """
        p, _, until, counts = read_profiles(value, self._bins)
        ends = self._sums.add(p, until, counts)
        return [WindowCounts(end, self._sums.total(end)) for end in ends]

    def snapshot(self) -> Columns:
        """Return the whole state, by column."""
        return self._sums.snapshot()

    def restore(self, parts: Parts) -> None:
        """Restore an empty state from a snapshot."""
        self._sums.restore(parts)
