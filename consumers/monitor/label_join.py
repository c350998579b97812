"""Label join: join scores with their labels, which are in the same partition.

A score is labelled once its label is final: when the labels' watermark is past the event time plus
the domain's label delay, and no older event of the partition is in flight. Scores wait until then,
and so do labels that arrive before their score. Labelled scores are published in buckets of event
time, each bucket once and complete. Their content does not depend on batch boundaries. With each go
the version that made it, the score of a version in shadow, and the segment of its event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from streamsim.consumers.monitor.astray import Astray
from streamsim.consumers.monitor.labelled_scores import FIXED, MICRO, NO_SHADOW
from streamsim.consumers.monitor.segment_names import SegmentNames, name_code
from streamsim.consumers.predict.plans import Answering
from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import (
    NO_TIME,
    Events,
    Floats,
    Ints,
    Objects,
    Outbound,
)
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.packing import pack
from streamsim.streams.topics import LABELLED, topic

Rows: TypeAlias = tuple[Ints, Ints, Ints]
"""The event's fingerprint, time (ms), and the value of a label or a row of columns of a score.

The columns are the score in millionths, the fingerprint of the version, the shadow's score in
millionths (``NO_SHADOW`` without one), the fingerprint of the segment, and the items of a slate."""


def fingerprint(event_ids: Objects) -> Ints:
    """Return a 64-bit hash of each id; a million ids collide with probability 1 in 40 million."""
    hashes = map(xxh3_64_intdigest, map(str.encode, event_ids.tolist()))
    return np.fromiter(hashes, np.uint64, len(event_ids)).view(np.int64)


class LabelJoin:
    """Scores that wait for their labels, and labels that wait for their scores."""

    def __init__(self, spec: DomainSpec, *, journal: bool = False) -> None:
        n = spec.partitions
        self._changes = Changes(n, kept=journal)
        self._astray = Astray(n)
        self._spec, self._step = spec, spec.alerting.accuracy.step
        self._topic = topic(spec.name, LABELLED)
        self.until = np.full(n, NO_TIME)
        """Per partition, the event time before which all scores are labelled and published (ms)."""
        self._scores: list[list[Rows]] = [[] for _ in range(n)]
        self._labels: list[list[Rows]] = [[] for _ in range(n)]
        self._segments = SegmentNames(spec.alerting.accuracy.segment, n)

    def leave_out(self, events: Events, clock: Ints) -> None:
        """Exclude events that are older than their partition's clock by more than the label delay.

        Such a clock has leapt: which of the events were in time would depend on their order.

        Parameters
        ----------
        clock
            Of each event's partition when the event was received (ms).
        """
        spec = self._spec
        least = clock - spec.trigger.allowed_lateness - spec.labels.delay
        self._changes.touch(self._astray.note(events, least))

    def scored(
        self,
        events: Events,
        scores: Floats,
        answering: Answering,
        shadow: Floats | None = None,
        items: Ints | None = None,
    ) -> None:
        """Add scores with their versions, those of a shadow, and the items of slates."""
        made = np.empty((len(events), FIXED + (0 if items is None else items.shape[1])), np.int64)
        made[:, 0] = np.round(scores * MICRO)
        codes = np.array([name_code(signature.version) for signature in answering.versions])
        made[:, 1] = codes[0] if answering.number is None else codes[answering.number]
        made[:, 2] = NO_SHADOW if shadow is None else np.round(shadow * MICRO)
        made[:, 3] = self._segments.codes(events)
        if items is not None:
            made[:, FIXED:] = items
        if self._astray:
            astray = self._astray.take(events)
            self._changes.touch(events.partition[astray])
            events, made = events.take(~astray), made[~astray]
        rows = fingerprint(events.event_id), events.event_time, made
        self._add(self._scores, events.partition, rows)
        self._changes.add(events.partition, dict(zip(_COLUMNS, rows, strict=True)), "score")

    def labelled(self, events: Events, known: Ints) -> None:
        """Add labels.

        Parameters
        ----------
        known
            When each became known (ms).
        """
        field = self._spec.labels.field
        value = np.ones(len(events), np.int64) if field is None else events.integers(field)
        rows = fingerprint(events.strings(self._spec.labels.key)), known, value
        self._add(self._labels, events.partition, rows)
        self._changes.add(events.partition, dict(zip(_COLUMNS, rows, strict=True)), "label")

    def closes(self, final: Ints) -> bool:
        """Say whether a bucket has ended by these times; see :meth:`close`."""
        return bool((self._ends(final) > self.until).any())

    def close(self, final: Ints) -> list[Outbound]:
        """Publish the buckets that have ended by these times.

        Parameters
        ----------
        final
            Per partition, the event time before which all events are scored and all labels known
            (ms).
        """
        ends = self._ends(final)
        records = []
        for p in np.flatnonzero(ends > self.until).tolist():
            end, since = int(ends[p]), int(self.until[p])
            time, made, label, unlabelled = self._join(p, end)
            body: dict[str, Ints | Sequence[str]] = {
                "span": np.array([p, since, end, unlabelled]),
                "time": time,
                "score": made[:, 0],
                "label": label,
                "version": made[:, 1],
                "shadow": made[:, 2],
                "segment": made[:, 3],
                "names": self._segments.among(p, made[:, 3]),
            }
            key = b"%d" % p
            records.append(Outbound(self._topic, 0, key, pack(body), max(end, 0), []))
            self.until[p] = end
            self._changes.touch(np.array([p]))
        return records

    def snapshot(self, partition: int) -> Columns:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._changes.drop(partition)
        content = self._standing(partition)
        for name, waiting in (("score", self._scores), ("label", self._labels)):
            parts = waiting[partition] or [_NOTHING]
            columns = (np.concatenate(column) for column in zip(*parts, strict=True))
            content |= {f"{name}:{c}": v for c, v in zip(_COLUMNS, columns, strict=True)}
        return content

    def delta(self) -> Mapping[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return {p: own | self._standing(p) for p, own in self._changes.take().items()}

    def restore(self, partition: int, parts: Parts) -> None:
        """Restore a partition's scores and labels, except those that were published since."""
        self.until[partition] = until = parts.last("until").tolist()[0] if parts else NO_TIME
        self._astray.restore(partition, parts.last("astray"))
        slate = self._spec.model.slate
        self._segments.restore(partition, parts.texts("segment") if parts else [])
        for name, rows in (("score", self._scores), ("label", self._labels)):
            ids, time, value = (parts.of(name).ints(column) for column in _COLUMNS)
            if name == "score":
                value = value.reshape(-1, FIXED + (0 if slate is None else slate.size))
            waiting = time >= until
            own = np.full(int(waiting.sum()), partition)
            self._add(rows, own, _take((ids, time, value), waiting))

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        slate = self._spec.model.slate
        return FIXED, None if slate is None else slate.size

    def _standing(self, partition: int) -> Columns:
        return {
            "until": self.until[partition : partition + 1].copy(),
            "astray": self._astray.of(partition),
            "segment": self._segments.of(partition),
        }

    def _ends(self, final: Ints) -> Ints:
        return np.where(final == NO_TIME, NO_TIME, final - final % self._step)

    def _add(self, waiting: list[list[Rows]], partition: Ints, rows: Rows) -> None:
        for p in np.unique(partition).tolist():
            waiting[p].append(_take(rows, partition == p))

    def _join(self, p: int, end: int) -> tuple[Ints, Ints, Ints, int]:
        """Take the scores of events before ``end`` with their labels, and count those without."""
        due, rest = _split(self._scores[p], end)
        self._scores[p] = rest
        labels = self._labels[p]
        known = _concat(labels)
        # A label is never older than its event: labels before ``end`` belong to events before it.
        self._labels[p] = [_take(known, known[1] >= end)] if labels else []
        ids, time, score = due
        missing = self._spec.labels.unlabelled
        label = np.full(len(ids), -1 if missing is None else missing)
        key, value = self._in_time(known, ids, time)
        if len(key) and len(ids):
            last = np.searchsorted(key, ids, "right") - 1  # of several, the one known last
            found = (last >= 0) & (key[last] == ids)
            label[found] = value[last[found]]
        score = score.reshape(len(ids), -1 if len(ids) else FIXED)
        if self._spec.model.slate is not None:
            label = self._spec.model.truth(label, score[:, FIXED:])
        sure = label >= 0
        return time[sure], score[sure], label[sure], int((~sure).sum())

    def _in_time(self, labels: Rows, ids: Ints, time: Ints) -> tuple[Ints, Ints]:
        """Return the labels that became known within the delay after their event, by id and time.

        Later labels are ignored always, so that the time of the join does not matter.
        """
        order = np.argsort(ids, kind="stable")
        by_id = ids[order]
        at = np.searchsorted(by_id, labels[0]).clip(0, max(len(by_id) - 1, 0))
        if not len(by_id) or not len(labels[0]):
            return _EMPTY, _EMPTY
        delay = self._spec.labels.delay
        good = (by_id[at] == labels[0]) & (labels[1] <= time[order][at] + delay)
        key, known, value = _take(labels, good)
        order = np.lexsort((known, key))
        return key[order], value[order]


_COLUMNS = ("id", "time", "value")
_EMPTY = np.empty(0, np.int64)
_NOTHING: Rows = (_EMPTY, _EMPTY, _EMPTY)


def _take(rows: Rows, which: npt.NDArray[np.bool_]) -> Rows:
    return rows[0][which], rows[1][which], rows[2][which]


def _concat(parts: list[Rows]) -> Rows:
    if not parts:
        return _NOTHING
    ids, time, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    return ids, time, value


def _split(parts: list[Rows], end: int) -> tuple[Rows, list[Rows]]:
    """Return the rows before ``end``, and the others."""
    due, rest = [], []
    for part in parts:
        if part[1].min() >= end:
            rest.append(part)
            continue
        now = part[1] < end
        due.append(_take(part, now))
        if not now.all():
            rest.append(_take(part, ~now))
    return _concat(due), rest
