"""Windows over labelled scores: by event time, by count, and fading.

A window that ends at ``at`` has no row of that time or later. Rows are handed in once their label
is final, or once it is sure that none will come; so a window holds what was known at ``at``.

References
----------
Gama, Sebastião and Rodrigues (2013), On evaluating stream learning algorithms, *Machine Learning*
90, 317-346: prequential error over sliding windows, and with fading factors. Here the factor fades
with event time, so that a row's weight does not depend on how many rows came after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from streamsim.consumers.monitor.labelled_scores import MICRO, NO_SHADOW, LabelledScores
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints, Mask

NEVER_LABELLED = -1
"""Label of a row whose label did not come within the time-out."""
HALF_LIVES = 10
"""After so many, a row is left out of a fading window: its weight is below a thousandth."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Scores with their labels, in order of event time.

    Attributes
    ----------
    time
        Event time (ms), in order.
    score
        In millionths.
    label
        :data:`NEVER_LABELLED`, or 0 and more.
    version, segment
        Fingerprints of the version that scored the event, and of the event's segment.
    """

    time: Ints
    score: Ints
    label: Ints
    version: Ints
    segment: Ints

    def __len__(self) -> int:
        return len(self.time)

    @property
    def labelled(self) -> Mask:
        """Which rows have a label."""
        found: Mask = self.label != NEVER_LABELLED
        return found

    @property
    def predictions(self) -> Floats:
        """Scores as numbers."""
        return self.score / MICRO

    @property
    def labels(self) -> Floats:
        """Labels as numbers."""
        return self.label.astype(np.float64)

    def take(self, which: Ints | Mask | slice) -> Rows:
        """Return some of the rows, which are to be in order of time."""
        return Rows(*(column[which] for column in self.columns))

    def joined(self, new: Rows) -> Rows:
        """Return these rows with new ones, which may come in any order.

        Rows of the same time are ordered by their other columns, so that it does not matter which
        partition was read first. Rows of one time must come together.

        >>> one, two = (Rows(np.array([t]), *np.zeros((4, 1), np.int64)) for t in (5, 3))
        >>> one.joined(two).time.tolist()
        [3, 5]
        """
        order = np.lexsort((new.segment, new.version, new.label, new.score, new.time))
        new = new.take(order)
        both = Rows(*(np.concatenate(pair) for pair in zip(self.columns, new.columns, strict=True)))
        if not len(self) or not len(new) or self.time[-1] <= new.time[0]:
            return both
        return both.take(np.argsort(both.time, kind="stable"))

    def snapshot(self) -> Columns:
        """Return the rows as columns of integers."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def restored(cls, parts: Parts) -> Rows:
        """Return the rows of a snapshot; no rows if it has none.

        Raises
        ------
        ValueError, TypeError
            If it is none.
        """
        rows = cls(*(parts.ints(field.name) for field in fields(cls)))
        if len({len(column) for column in rows.columns}) > 1:
            raise ValueError("columns of different length")
        return rows

    @property
    def columns(self) -> tuple[Ints, ...]:
        """The columns, in the order of the fields."""
        return self.time, self.score, self.label, self.version, self.segment


NO_ROWS = Rows(*(np.empty(0, np.int64) for _ in fields(Rows)))


def rows_of(scores: LabelledScores) -> Rows:
    """Return the rows of a published bucket, scored by the versions that answered."""
    order = np.argsort(scores.time, kind="stable")
    columns = scores.time, scores.score, scores.label, scores.version, scores.segment
    return Rows(*(column[order] for column in columns))


def shadow_rows(scores: LabelledScores) -> Rows:
    """Return the rows of a published bucket that a shadow scored, with the shadow's scores.

    Their version is that of the version that answered.
    """
    order = np.argsort(scores.time, kind="stable")
    order = order[scores.shadow[order] != NO_SHADOW]
    columns = scores.time, scores.shadow, scores.label, scores.version, scores.segment
    return Rows(*(column[order] for column in columns))


@dataclass(frozen=True, slots=True)
class Windowed:
    """The rows in a window.

    Attributes
    ----------
    rows
        With a label and without one.
    weights
        Of the rows, above 0 and at most 1, shape ``(n,)``; ``None`` if all count the same.
    """

    rows: Rows
    weights: Floats | None = None

    def take(self, which: Ints | Mask | slice) -> Windowed:
        """Return some of the rows with their weights, which are to be in order of time."""
        own = None if self.weights is None else self.weights[which]
        return Windowed(self.rows.take(which), own)


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows count.

    Parameters
    ----------
    kind
        ``time``: those of the last ``size`` ms of event time. ``count``: the last ``size``, with a
        label or without one. ``fading``: all, with a weight that halves every ``size`` ms; those
        that weigh below a thousandth are left out.
    size
        Above 0.

    Raises
    ------
    UsageError
        If there is no such window.

    Examples
    --------
    >>> rows = Rows(np.array([1, 2, 3, 4]), *np.zeros((4, 4), np.int64))
    >>> Window("time", 2).of(rows, 4).rows.time.tolist()
    [2, 3]
    >>> Window("count", 3).of(rows, 9).rows.time.tolist()
    [2, 3, 4]
    >>> Window("fading", 1).of(rows, 4).weights.tolist()
    [0.125, 0.25, 0.5]
    """

    kind: Literal["time", "count", "fading"]
    size: int

    def __post_init__(self) -> None:
        if self.kind not in ("time", "count", "fading") or self.size <= 0:
            raise UsageError(
                f"no window {self.kind!r} of {self.size}: take time, count or fading, above 0"
            )

    def of(self, rows: Rows, at: int) -> Windowed:
        """Return the rows in the window that ends at ``at`` (ms)."""
        begin, end = self.begin(rows, at), int(np.searchsorted(rows.time, at))
        own = rows.take(slice(begin, end))
        if self.kind != "fading":
            return Windowed(own)
        return Windowed(own, np.exp2((own.time - at) / self.size))

    def begin(self, rows: Rows, at: int) -> int:
        """Return the first row of the window that ends at ``at`` (ms)."""
        if self.kind == "count":
            return max(int(np.searchsorted(rows.time, at)) - self.size, 0)
        reach = self.size * (HALF_LIVES if self.kind == "fading" else 1)
        return int(np.searchsorted(rows.time, at - reach))


def still_needed(rows: Rows, windows: Sequence[Window], at: int) -> Rows:
    """Return the rows that one of the windows may hold, if it ends at ``at`` (ms) or later.

    >>> rows = Rows(np.array([1, 2, 3, 4]), *np.zeros((4, 4), np.int64))
    >>> still_needed(rows, [Window("time", 1), Window("count", 1)], 4).time.tolist()
    [3, 4]
    """
    return rows.take(slice(min((window.begin(rows, at) for window in windows), default=0), None))
