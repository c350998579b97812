"""Labelled scores of all partitions, step by step of event time.

A step ends once every partition has published its scores before it. So what a step holds does not
depend on which partition was read first, nor on how many buckets came at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from streamsim.consumers.monitor.labelled_scores import NO_SHADOW, LabelledScores
from streamsim.consumers.monitor.prequential.prequential_windows import (
    NO_ROWS,
    Rows,
    rows_of,
    shadow_rows,
)
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import NO_TIME, Ints


class LabelledSteps:
    """The newest rows, and the end of the last step.

    Parameters
    ----------
    step
        Length of a step (ms).
    span, most
        Rows are kept for this event time (ms), and no more than so many.

    Attributes
    ----------
    rows, shadows, answered
        The rows before the end of the last step; of those that a shadow scored, with the shadow's
        scores and with those that count.
    complete
        The end of the last step (ms).
    names
        Names of the segments met so far.
    """

    def __init__(self, partitions: int, *, step: int, span: int, most: int) -> None:
        self._step, self._span, self._most = step, span, most
        self._covered = np.full(partitions, NO_TIME)
        self._waiting: list[tuple[Rows, Rows, Rows]] = []
        self.rows = self.shadows = self.answered = NO_ROWS
        self.complete = NO_TIME
        self.names: set[str] = set()

    @property
    def known(self) -> int:
        """Event time before which every partition has told its scores (ms)."""
        return int(self._covered.min())

    def apply(self, told: LabelledScores) -> Iterator[int]:
        """Take a bucket; yield the end of each step that it completes, while rows are up to it.

        Steps without rows are passed over. A bucket that was taken before changes nothing.

        Raises
        ------
        ForeignRecordError
            If there is no such partition.
        """
        p = told.partition
        if not 0 <= p < len(self._covered):
            raise ForeignRecordError(f"no partition {p}")
        covered = int(self._covered[p])
        if told.until <= covered:
            return
        self._covered[p] = told.until
        self.names.update(told.names)
        order = np.argsort(told.time, kind="stable")
        rows, shadows = rows_of(told), shadow_rows(told)
        answered = rows.take(told.shadow[order] != NO_SHADOW)
        parts = (rows, shadows, answered)
        # After a crash, a bucket may come again as the begin of a longer one.
        rows, shadows, answered = (own.take(own.time >= covered) for own in parts)
        if len(rows):
            self._waiting.append((rows, shadows, answered))
        complete = self.known
        if complete == NO_TIME:
            return
        while (end := self._next(complete)) is not None:
            self._advance(end)
            yield end

    def _next(self, complete: int) -> int | None:
        """Return the end of the first step that has rows and is complete."""
        if not self._waiting:
            return None
        first = min(int(rows.time[0]) for rows, _, _ in self._waiting)
        end = first // self._step * self._step + self._step
        return end if end <= complete else None

    def _advance(self, end: int) -> None:
        """Move what is before the end of a step from the waiting rows to the window."""
        new: list[tuple[Rows, ...]] = []
        left = []
        for parts in self._waiting:
            before = [part.time < end for part in parts]
            new.append(tuple(part.take(own) for part, own in zip(parts, before, strict=True)))
            if not before[0].all():
                rows, shadows, answered = (
                    part.take(~own) for part, own in zip(parts, before, strict=True)
                )
                left.append((rows, shadows, answered))
        self._waiting = left
        rows, shadows, answered = (_joined(parts) for parts in zip(*new, strict=True))
        # A shadow's scores stay beside those that count, also of rows of the same time.
        order = _order(answered, shadows.score)
        new_kinds = rows.take(_order(rows)), shadows.take(order), answered.take(order)
        self.rows, self.shadows, self.answered = (
            self._kept(_joined((old, own)), end)
            for old, own in zip((self.rows, self.shadows, self.answered), new_kinds, strict=True)
        )
        self.complete = end

    def _kept(self, rows: Rows, end: int) -> Rows:
        begin = int(np.searchsorted(rows.time, end - self._span))
        return rows.take(slice(max(begin, len(rows) - self._most), None))

    def snapshot(self) -> Columns:
        """Return the whole state, as columns."""
        waiting = [_joined(parts) for parts in zip(*self._waiting, strict=True)] or [NO_ROWS] * 3
        kinds = {
            "rows": self.rows, "shadows": self.shadows, "answered": self.answered,
            "new_rows": waiting[0], "new_shadows": waiting[1], "new_answered": waiting[2],
        }  # fmt: skip
        columns: Columns = {"covered": self._covered.copy(), "complete": np.array([self.complete])}
        for name, rows in kinds.items():
            columns |= {f"{name}:{column}": own for column, own in rows.snapshot().items()}
        return {**columns, "names": sorted(self.names)}

    def restore(self, parts: Parts) -> None:
        """Restore an empty state from a snapshot.

        Raises
        ------
        KeyError, ValueError, IndexError, TypeError
            If it is none.
        """
        covered = parts.ints("covered")
        if len(covered) != len(self._covered):
            raise ValueError("a snapshot of another number of partitions")
        self._covered = covered
        (self.complete,) = parts.ints("complete").tolist()
        self.rows, self.shadows, self.answered = (
            Rows.restored(parts.of(name)) for name in ("rows", "shadows", "answered")
        )
        rows, shadows, answered = (
            Rows.restored(parts.of(name)) for name in ("new_rows", "new_shadows", "new_answered")
        )
        self._waiting = [(rows, shadows, answered)] if len(rows) else []
        self.names = set(parts.texts("names"))


def _order(rows: Rows, *more: Ints) -> Ints:
    """Order rows by time, and those of one time so that their partitions do not matter."""
    keys = rows.time, rows.score, rows.label, rows.version, rows.segment, *more
    return np.lexsort(keys[::-1])


def _joined(parts: tuple[Rows, ...]) -> Rows:
    """Join rows of several buckets, in order of time."""
    columns = zip(*(rows.columns for rows in parts), strict=True)
    both = Rows(*(np.concatenate(own) for own in columns))
    return both.take(np.argsort(both.time, kind="stable"))
