"""Rescoring: events that were scored before a third party's answer arrived are scored again.

The answer's record carries these events. They wait until no older event can arrive, and are then
scored with their entities' past at their own time. The scores equal those of a batch over all data.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from streamsim.consumers.clean.cleaner import decode
from streamsim.consumers.collect.records import collect
from streamsim.consumers.featurize.windows import WindowState
from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import NO_TIME, Events, Ints, Mask, Records, as_objects
from streamsim.streams.spec import SourceSpec
from streamsim.streams.spec.modelling import Rescoring

log = logging.getLogger(__name__)


class RescoringBuffer:
    """Events to rescore in one worker's partitions.

    Parameters
    ----------
    windows
        They keep the past of all events that are in this buffer.
    """

    def __init__(
        self,
        spec: Rescoring,
        trigger: SourceSpec,
        source: str,
        windows: Sequence[WindowState],
        partitions: int,
        *,
        journal: bool = False,
    ) -> None:
        self._spec, self._trigger, self._partitions = spec, trigger, partitions
        self.source = source
        """The source whose events are the answers."""
        self._windows = windows
        self._waiting: list[tuple[Events, Ints, list[str]]] = []
        self._scoring: list[Events] = []
        self._changes = Changes(partitions, kept=journal)

    def __len__(self) -> int:
        return sum(len(events) for events, *_ in self._waiting) + sum(map(len, self._scoring))

    def add(self, answers: Events) -> None:
        """Add the events that answers carry."""
        texts, rows = [], []
        for row, text in enumerate(answers.strings(self._spec.field)):
            for line in _lines(text):
                texts.append(line)
                rows.append(row)
        at = np.array(rows, np.int64)
        added = self._take(
            answers.partition[at], answers.offset[at], answers.event_time[at],
            answers.entity[at].tolist(), texts,
        )  # fmt: skip
        self._changes.add(*added)
        self._keep_windows()

    def take(self, ready: Mask, max_rows: int) -> tuple[Events, Ints] | None:
        """Take ready events, with the time at which the answer to each arrived (ms)."""
        rows = np.flatnonzero(ready)[:max_rows]
        if not len(rows):
            return None
        events, at, texts = self._all()
        rest = np.setdiff1d(np.arange(len(events)), rows)
        own = rest.tolist()
        self._waiting = [(events.take(rest), at[rest], [texts[i] for i in own])] if own else []
        taken = events.take(rows)
        self._scoring.append(taken)
        return taken, at[rows]

    def waiting(self) -> tuple[Events, Ints] | None:
        """Return the waiting events, with the time at which the answer to each arrived (ms)."""
        if not self._waiting:
            return None
        return self._all()[:2]

    def is_scoring(self) -> bool:
        """Say whether any events are with the scorer."""
        return bool(self._scoring)

    def finish(self, events: Events) -> None:
        """Remove events that have been rescored."""
        self._scoring = [own for own in self._scoring if own is not events]
        done = {"offset": events.offset, "id": events.event_id}
        self._changes.add(events.partition, done, "done")
        self._keep_windows()

    def reaches_back(self, time: Ints) -> Ints:
        """Return the earliest time that a join needs, where new events need ``time`` (ms)."""
        return np.where(time == NO_TIME, NO_TIME, time - self._spec.within)

    def earliest(self, position: Ints) -> Ints:
        """Lower each partition's position to the first unfinished answer, in place."""
        for events in (*(waiting for waiting, *_ in self._waiting), *self._scoring):
            np.minimum.at(position, events.partition, events.offset)
        return position

    def snapshot(self, partition: int) -> Columns:
        """Return a partition's waiting events; none may be with the scorer."""
        self._changes.drop(partition)
        if not self._waiting:
            return {"offset": _NONE, "at": _NONE, "key": [], "line": []}
        events, at, texts = self._all()
        rows = np.flatnonzero(events.partition == partition)
        keys, own = events.entity[rows].tolist(), [texts[i] for i in rows.tolist()]
        return {"offset": events.offset[rows], "at": at[rows], "key": keys, "line": own}

    def delta(self) -> Mapping[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._changes.take()

    def restore(self, partition: int, parts: Parts) -> None:
        """Restore a partition's waiting events, except those that have been rescored since."""
        lines = parts.texts("line")
        self._take(
            np.full(len(lines), partition), parts.ints("offset"), parts.ints("at"),
            parts.texts("key"), lines,
        )  # fmt: skip
        own = parts.of("done")
        done = set(zip(own.ints("offset").tolist(), own.texts("id"), strict=True))
        waiting = self.waiting()
        if waiting is not None and done:
            events = waiting[0]
            places = zip(events.offset.tolist(), events.event_id, strict=True)
            known = np.array([place in done for place in places]) & (events.partition == partition)
            self.take(known, len(known))
            self._scoring.clear()
        self._keep_windows()

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._spec.field

    def _keep_windows(self) -> None:
        times = [own.event_time.min() for own in (*(w for w, *_ in self._waiting), *self._scoring)]
        for windows in self._windows:
            windows.keep_from(int(min(times)) if times else None)

    def _take(
        self, partition: Ints, offset: Ints, at: Ints, keys: Sequence[str], texts: Sequence[str]
    ) -> tuple[Ints, dict[str, Any]]:
        if not texts:
            return _NONE, _columns(_NONE, _NONE, [], [])
        records = Records(
            self._trigger.name,
            partition,
            offset,
            [0] * len(texts),
            [key.encode() for key in keys],
            [text.encode() for text in texts],
            [()] * len(texts),
        )
        events, rows, dead = decode(collect(records), self._trigger)
        for one in dead:
            log.warning("an event in a third party's answer is not valid: %s", one.reason)
        good = rows.tolist()
        lines = [texts[i] for i in good]
        if good:
            self._waiting.append((events, at[rows], lines))
        own = _columns(offset[rows], at[rows], [keys[i] for i in good], lines)
        return partition[rows], own

    def _all(self) -> tuple[Events, Ints, list[str]]:
        if len(self._waiting) > 1:
            events, at, texts = zip(*self._waiting, strict=True)
            joined = [text for part in texts for text in part]
            self._waiting = [(Events.concat(events), np.concatenate(at), joined)]
        return self._waiting[0]


_NONE = np.empty(0, np.int64)


def _columns(offset: Ints, at: Ints, keys: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    return {"offset": offset, "at": at, "key": as_objects(keys), "line": as_objects(texts)}


def _lines(text: str | None) -> list[str]:
    """Read the events that an answer carries: a JSON list of the original lines."""
    if not text:
        return []
    try:
        lines = orjson.loads(text)
    except orjson.JSONDecodeError:
        lines = None
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        log.warning("a third party's answer does not hold a list of events")
        return []
    return lines
