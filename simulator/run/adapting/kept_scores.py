"""The newest scored events of a period, with their features as they were logged; bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import NO_TIME, Ints, Mask, Matrix, Objects, as_objects

SPARE = 2
"""The rows are cut to the newest when there are so many times the most."""


class ScoreRow(NamedTuple):
    """A scored event: fingerprint of its id, time (ms), entity, version, features."""

    id: int
    time: int
    entity: str
    version: str
    packed: bytes


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Scored events, in order of time and id; of each event one row."""

    ids: Ints
    times: Ints
    entities: Objects
    versions: Objects
    features: Matrix

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Mask | Ints) -> ScoredRows:
        """Return some rows."""
        return ScoredRows(
            self.ids[rows],
            self.times[rows],
            self.entities[rows],
            self.versions[rows],
            self.features[rows],
        )


class KeptScores:
    """Keeps the newest rows of a stream of scores.

    Of an event that is scored twice the first row stays, since a restarted worker repeats its
    outputs. A correction takes the place of an event's row, and a later one that of an earlier.

    Parameters
    ----------
    features
        Number of features of a row; rows of another size are not taken.
    most
        Most rows.

    Examples
    --------
    >>> kept = KeptScores(features=1, most=2)
    >>> kept.take([ScoreRow(n, n * 10, "e", "1", b"%04d" % n) for n in (3, 1, 2, 3)])
    >>> kept.rows().times.tolist(), kept.floor
    ([20, 30], 20)
    """

    def __init__(self, features: int, most: int) -> None:
        self._width, self._most = features, most
        self._rows: dict[int, ScoreRow] = {}
        self.floor = NO_TIME
        """Older events need not be read any more (ms)."""

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, rows: Sequence[ScoreRow]) -> None:
        """Take rows."""
        for row in rows:
            if row.time >= self.floor and len(row.packed) == 4 * self._width:
                self._rows.setdefault(row.id, row)
        if len(self._rows) > SPARE * self._most:
            self._cut()

    def correct(self, rows: Sequence[ScoreRow]) -> None:
        """Put rows in the places of those that they correct; others are ignored."""
        for row in rows:
            known = self._rows.get(row.id)
            if known is not None and len(row.packed) == 4 * self._width:
                self._rows[row.id] = row._replace(entity=known.entity)

    def rows(self) -> ScoredRows:
        """Return the newest rows."""
        self._cut()
        rows = list(self._rows.values())
        packed = b"".join(row.packed for row in rows)
        return ScoredRows(
            np.array([row.id for row in rows], np.int64),
            np.array([row.time for row in rows], np.int64),
            as_objects(row.entity for row in rows),
            as_objects(row.version for row in rows),
            _matrix(packed, self._width),
        )

    def _cut(self) -> None:
        """Keep the newest rows, in order of time and id."""
        kept = sorted(self._rows.values(), key=lambda row: (row.time, row.id))[-self._most :]
        if len(kept) < len(self._rows):
            self.floor = kept[0].time
        self._rows = {row.id: row for row in kept}


def _matrix(packed: bytes, width: int) -> Matrix:
    flat: npt.NDArray[Any] = np.frombuffer(packed, "<f4")
    return flat.reshape(-1, width).astype(np.float32)
