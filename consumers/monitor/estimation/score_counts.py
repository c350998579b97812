"""Score counts: scored events per bin of the score, in buckets of event time.

All events are counted, and the bins are of like width in log odds. So the few high scores of a rare
class are told apart, which a metric of ranks needs.
"""

from __future__ import annotations

import numpy as np

from streamsim.consumers.monitor.sparse_counts import dense, sparse
from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import ForeignRecordError, StateError
from streamsim.streams.events import Floats, Ints
from streamsim.streams.stored.packing import unpack

WIDTH, FARTHEST = 0.1, 14.0
"""Of a bin, and of the outermost border from 0, in log odds: scores have six decimals."""
_BORDERS = np.linspace(-FARTHEST, FARTHEST, round(2 * FARTHEST / WIDTH) + 1)
_AS_SCORES = 1 / (1 + np.exp(-_BORDERS))
SCORE_BINS = len(_BORDERS) + 1
SCORES_COUNTED = "scores"
"""Prefix of the columns in checkpoints and published records."""


def bins_of(scores: Floats) -> Ints:
    """Return the bin of each score, shape ``(n,)``."""
    return np.searchsorted(_AS_SCORES, scores, "right")


def middles() -> Floats:
    """Return a score in the middle of each bin, ascending.

    >>> bool((bins_of(middles()) == np.arange(SCORE_BINS)).all())
    True
    """
    ends = np.concatenate(([-FARTHEST - WIDTH], _BORDERS, [FARTHEST + WIDTH]))
    found: Floats = 1 / (1 + np.exp(-(ends[:-1] + ends[1:]) / 2))
    return found


class ScoreCounts:
    """Counts of one worker's partitions that are not published yet.

    Parameters
    ----------
    changes
        Takes what is counted, for the checkpoints of the store that this is a part of.
    """

    def __init__(self, partitions: int, changes: Changes) -> None:
        self._changes = changes
        self._counts: list[dict[int, Ints]] = [{} for _ in range(partitions)]
        self._waiting: list[tuple[Ints, Ints, Floats]] = []

    def add(self, partition: Ints, bucket: Ints, scores: Floats) -> None:
        """Count scores, with the begins of their buckets (ms)."""
        self._waiting.append((partition, bucket, scores))

    def flush(self) -> None:
        """Count the scores that wait: counting few costs nearly as much as counting many."""
        if not self._waiting:
            return
        partition, bucket, scores = map(np.concatenate, zip(*self._waiting, strict=True))
        self._waiting = []
        if not len(scores):
            return
        begins, number = np.unique(bucket, return_inverse=True)
        keys = (partition * len(begins) + number) * SCORE_BINS + bins_of(scores)
        keys, count = np.unique(keys, return_counts=True)
        group, place = np.divmod(keys, SCORE_BINS)
        partition, number = np.divmod(group, len(begins))
        bucket = begins[number]
        ends = np.append(np.flatnonzero(np.diff(group)) + 1, len(group)).tolist()
        for first, end in zip([0, *ends], ends, strict=False):
            own = self._of(int(partition[first]), int(bucket[first]))
            own[place[first:end]] += count[first:end]
        columns = {"bucket": bucket, "place": place, "count": count}
        self._changes.add(partition, columns, f"{SCORES_COUNTED}:row")

    def take(self, partition: int, end: int) -> Columns:
        """Return a partition's buckets that begin before a time (ms), and forget them."""
        counts = self._counts[partition]
        self._counts[partition] = {at: own for at, own in counts.items() if at >= end}
        return _named({at: own for at, own in sorted(counts.items()) if at < end})

    def snapshot(self, partition: int) -> Columns:
        """Return all counts of a partition."""
        return _named(self._counts[partition])

    def restore(self, partition: int, parts: Parts, until: int) -> None:
        """Restore a partition's counts, except those that were published before a time (ms)."""
        own = parts.of(SCORES_COUNTED)
        counts, rows = dense((SCORE_BINS,), own), own.of("row")
        self._counts[partition] = {at: n for at, n in counts.items() if at >= until}
        bucket, place, count = (rows.ints(name) for name in ("bucket", "place", "count"))
        for at in np.unique(bucket[bucket >= until]).tolist():
            there = bucket == at
            np.add.at(self._of(partition, at), place[there], count[there])

    def _of(self, partition: int, bucket: int) -> Ints:
        return self._counts[partition].setdefault(bucket, np.zeros(SCORE_BINS, np.int64))


def read_score_counts(value: bytes | None) -> tuple[int, int, dict[int, Ints]]:
    """Read the score counts of a published record of profiles.

    Returns
    -------
    Partition, end (ms), and counts per bucket's begin, shape ``(SCORE_BINS,)``.

    Raises
    ------
    ForeignRecordError
        If it is none.
    """
    try:
        columns = Parts([unpack(value or b"")])
        p, _, until = columns.ints("span").tolist()
        return p, until, dense((SCORE_BINS,), columns.of(SCORES_COUNTED))
    except (StateError, KeyError, ValueError, TypeError, IndexError) as error:
        raise ForeignRecordError(f"no score counts ({error})") from None


def _named(counts: dict[int, Ints]) -> Columns:
    return {f"{SCORES_COUNTED}:{name}": column for name, column in sparse(counts).items()}
