"""What a pipeline knows: everything that must outlive a worker, and how it is written down.

The state of a partition is its own: how far its records have been taken in, which ids have come,
the past of its keys, what is counted and not published, its account. It can be written down in
two ways. A *cut* holds what has changed since the cut before it; a *snapshot* holds all. The
contents of a snapshot and of all cuts that follow it, in order, are the state again.

Events that have been taken in and are not finished are named by their offsets. Whoever restores
the state reads them again; everything else of what was taken in is left alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from consumers.account import Account
from consumers.carried import new_lookup
from consumers.featurize import WindowState
from consumers.feedcounts import FeedCounts
from consumers.journal import Content, Journal
from consumers.judged import JudgedRows, Rows
from consumers.lookup import as_texts
from consumers.recalls import Recalls
from consumers.seen import SeenIds
from consumers.table import Contributions, Open
from consumers.tracking import TrackedState
from streams.errors import StateError
from streams.events import NO_TIME, Events, Ints, as_objects
from streams.spec import DomainSpec

LAYOUT = 1


def state_hash(spec: DomainSpec) -> str:
    """Fingerprint of what the state of a domain is made of: another one cannot be read as it."""
    parts = {
        "layout": LAYOUT,
        "sources": [(s.name, s.role, s.key) for s in spec.sources],
        "windows": [(w.name, w.key, w.value) for w in spec.windows],
        "tables": [(t.name, t.key, t.bucket, t.delay, sorted(t.counts)) for t in spec.tables],
        "lookups": [(look.source, look.fields, *look.apart) for look in spec.lookups],
    }
    if spec.trackers:
        parts["trackers"] = [(tracker.name, tracker.layout) for tracker in spec.trackers]
    if spec.feeds:
        parts["feeds"] = [spec.feeds.column, spec.feeds.unit, spec.feeds.value, *spec.feeds.same]
    if spec.slate is not None:
        parts["slate"] = spec.slate.size
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


class State:
    """All that a domain's pipeline knows of the partitions that it owns.

    Parameters
    ----------
    journal
        Keep a journal of what changes, so that :meth:`cut` can be asked.
    """

    def __init__(self, spec: DomainSpec, *, journal: bool) -> None:
        self.spec = spec
        n, trigger = spec.partitions, spec.trigger
        self.account = Account(spec)
        self.clocks = {s.name: np.full(n, NO_TIME) for s in spec.sources}
        self.next = {s.name: np.full(n, -1) for s in spec.sources}
        """Per source and partition, the offset up to which records have been taken in."""
        self.seen = {s.name: SeenIds(n, max(s.remember, s.allowed_lateness)) for s in spec.sources}
        back = spec.recall.within if spec.recall is not None else 0
        slack = max(trigger.allowed_lateness, back)
        self.windows = {w.name: WindowState(w, slack) for w in spec.windows}
        self.lookups = {look.name: new_lookup(look, n) for look in spec.lookups}
        self.recalls = Recalls(spec.recall, trigger, n) if spec.recall else None
        self.trackers = {t.name: TrackedState(t) for t in spec.trackers}
        self.contributions = [Contributions(spec.name, t, n) for t in spec.tables]
        self.judged = JudgedRows(spec)
        self.feeds = FeedCounts(spec.name, spec.feeds, n) if spec.feeds else None
        self.alerted: list[dict[str, int]] = [{} for _ in range(n)]
        """Per partition and entity, when the last alert was raised on it (ms)."""
        self.unfinished: dict[int, Ints] = {}
        """Per partition, offsets of events that were under way when this state was written down,
        and that have not been read again yet (sorted)."""
        self.safe = np.full(n, NO_TIME)
        """Per partition, the event time before which it asks for nothing any more, even if it
        goes back to what is kept of its state (ms)."""
        self._journal = Journal(n) if journal else None

    @property
    def journals(self) -> bool:
        """Whether a journal is kept."""
        return self._journal is not None

    def note_fresh(self, events: Events) -> None:
        """Note that events have been taken in for the first time."""
        if self._journal is not None:
            columns = {"id": events.event_id, "time": events.event_time}
            self._journal.note(f"seen:{events.source}", events.partition, columns)

    def note_open(self, table: str, source: str, counted: Open) -> None:
        """Note what has been added to the open buckets of a table."""
        if self._journal is not None:
            partition, bucket, keys = counted
            self._journal.note(f"open:{table}:{source}", partition, {"bucket": bucket, "key": keys})

    def note_context(self, events: Events) -> None:
        """Note versions of a context source that is looked up."""
        for lookup in self.spec.lookups:
            if self._journal is not None and lookup.source == events.source:
                columns = {
                    "key": events.entity,
                    "time": events.event_time,
                    "row": as_texts(events, lookup),
                }
                self._journal.note(f"lookup:{lookup.name}", events.partition, columns)

    def recall(self, answers: Events) -> None:
        """Take in what answers of a third party bring along, to be scored again."""
        if self.recalls is None:
            return
        partition, columns = self.recalls.add(answers)
        if self._journal is not None:
            self._journal.note("recall", partition, columns)
        self._keep_for_recalls()

    def note_recalled(self, events: Events) -> None:
        """Note that events have been scored again."""
        assert self.recalls is not None
        done = self.recalls.finish(events)
        if self._journal is not None:
            self._journal.note("recall:done", events.partition, done)
        self._keep_for_recalls()

    def quiet(self, events: Events) -> Ints:
        """Find the rows on whose entities no alert has been raised for the rule's cool-down.

        These are taken to raise one now.
        """
        cooldown = self.spec.alert.cooldown
        if not cooldown:
            return np.arange(len(events))
        rows = []
        places = zip(events.partition.tolist(), events.entity, strict=True)
        for row, ((p, who), time) in enumerate(
            zip(places, events.event_time.tolist(), strict=True)
        ):
            last = self.alerted[p].get(who)
            if last is None or abs(time - last) >= cooldown:
                self.alerted[p][who] = time
                rows.append(row)
        new = np.array(rows, np.int64)
        if self._journal is not None:
            columns = {"key": events.entity[new], "time": events.event_time[new]}
            self._journal.note("alerted", events.partition[new], columns)
        return new

    def note_judged(self, name: str, partition: Ints, columns: dict[str, Ints]) -> None:
        """Note scores, or labels, that wait for each other."""
        if self._journal is not None:
            self._journal.note(f"judged:{name}", partition, columns)

    def watch(self, events: Events, clock: Ints) -> None:
        """Count the trigger's events by their feeds; ``clock`` is that of each as it came."""
        if self.feeds is None or not len(events):
            return
        columns = self.feeds.add(events, clock)
        if self._journal is not None:
            self._journal.note("feeds", events.partition, columns)

    def tracked(self, events: Events) -> dict[str, dict[str, Any]]:
        """Return what the events' keys have come to with them, to be noted once they are done."""
        if self._journal is None:
            return {}
        return {name: tracker.rows_of(events) for name, tracker in self.trackers.items()}

    def note_finished(self, events: Events, tracked: Mapping[str, dict[str, Any]]) -> None:
        """Note that events of the trigger are finished, and what their keys came to with them."""
        if self._journal is None:
            return
        for name, rows in tracked.items():
            own = {"key": rows["key"], "row": rows["row"]}
            self._journal.note(f"tracked:{name}", rows["partition"], own)
        for w in self.spec.windows:
            columns: dict[str, Any] = {
                "key": events.columns[w.key],
                "time": events.event_time,
                "value": events.columns[w.value],
            }
            self._journal.note(f"window:{w.name}", events.partition, columns)
        self._journal.touch(events.partition)

    def touch(self, partition: Ints) -> None:
        """Note that something of these partitions has changed."""
        if self._journal is not None:
            self._journal.touch(partition)

    def again(self, records_offset: Ints, partition: int) -> npt.NDArray[np.bool_]:
        """Say which records of a partition of the trigger are to be taken up again, and do so."""
        wanted = self.unfinished.get(partition)
        if wanted is None:
            return np.zeros(len(records_offset), bool)
        found = np.isin(records_offset, wanted)
        rest = wanted[~np.isin(wanted, records_offset)]
        if len(rest):
            self.unfinished[partition] = rest
        else:
            del self.unfinished[partition]
        return found

    def not_after(self, asks_from: Ints) -> Ints:
        """Lower the times from which partitions may ask (ms) for what is still to be read again."""
        for p in self.unfinished:
            asks_from[p] = min(asks_from[p], self.safe[p])
        return asks_from

    def kept(self, partition: int, content: Content) -> None:
        """Take note that a cut or a snapshot of a partition is where no crash can lose it."""
        self.safe[partition] = content["safe"][0]

    def cut(self, pending: tuple[Ints, Ints], asks_from: Ints) -> dict[int, Content]:
        """Write down what has changed since the last cut, per partition.

        Parameters
        ----------
        pending
            Partition and offset of the trigger's events that are under way.
        asks_from
            Per partition, the earliest time of an event that it may still bring (ms).
        """
        if self._journal is None:
            return {}
        partition, offset = pending
        contents = self._journal.take()
        for p, rows in contents.items():
            rows |= self._standing(p, offset[partition == p], asks_from)
        return contents

    def snapshot(self, partition: int, pending: Ints, asks_from: Ints) -> Content:
        """Write down all of a partition; no event of it may be with the scorer.

        Forgets the journal of that partition: the next cut follows this snapshot.
        """
        if self._journal is not None:
            self._journal.drop(partition)
        content = self._standing(partition, pending, asks_from)
        for source, seen in self.seen.items():
            content[f"seen:{source}:id"], content[f"seen:{source}:time"] = seen.kept(partition)
        for name, windows in self.windows.items():
            keys, count, times, values = windows.kept(partition)
            content[f"window:{name}:key"], content[f"window:{name}:count"] = keys, count
            content[f"window:{name}:time"], content[f"window:{name}:value"] = times, values
        if self.feeds is not None:
            content |= {f"feeds:{name}": c for name, c in self.feeds.kept(partition).items()}
        if self.recalls is not None:
            content |= {f"recall:{name}": c for name, c in self.recalls.kept(partition).items()}
        for name, tracker in self.trackers.items():
            content[f"tracked:{name}:key"], content[f"tracked:{name}:row"] = tracker.kept(partition)
        content |= {f"judged:{n}": c for n, c in self.judged.kept(partition).items()}
        alerted = self.alerted[partition]
        content["alerted:key"] = list(alerted)
        content["alerted:time"] = np.array(list(alerted.values()), np.int64)
        for called, lookup in self.lookups.items():
            name = f"lookup:{called}"
            content[f"{name}:key"], content[f"{name}:time"], content[f"{name}:row"] = lookup.kept(
                partition
            )
        for table, contributions in zip(self.spec.tables, self.contributions, strict=True):
            for source in contributions.sources:
                bucket, keys_ = contributions.open(source, partition)
                content[f"open:{table.name}:{source}:bucket"] = bucket
                content[f"open:{table.name}:{source}:key"] = keys_.tolist()
        return content

    def restore(self, partition: int, contents: Sequence[Content]) -> None:
        """Take in a partition that is not known yet: a snapshot, if any, and the cuts after it.

        Raises
        ------
        StateError
            If these are no contents of such a state.
        """
        if not contents:
            return
        try:
            self._restore(partition, contents)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise StateError(
                f"what is written of partition {partition} is no state of {self.spec.name}: "
                f"{error!r}"
            ) from error

    def _restore(self, p: int, contents: Sequence[Content]) -> None:
        spec, last = self.spec, contents[-1]
        self.kept(p, last)
        for i, source in enumerate(spec.sources):
            self.next[source.name][p] = last["next"][i]
            self.clocks[source.name][p] = last["clock"][i]
            self.account.set(source.name, p, _ints(last[f"account:{source.name}"]).tolist())
            ids, times = _rows(contents, f"seen:{source.name}", "id", "time")
            self.seen[source.name].restore(p, ids, times)
        unfinished = _unranges(_ints(last["pending"]))
        if len(unfinished):
            self.unfinished[p] = unfinished
        for window in spec.windows:
            self._restore_window(p, window.name, contents)
        self._restore_feeds(p, contents)
        self._restore_recalls(p, contents)
        for name, tracker in self.trackers.items():
            rows = [_ints(c[f"tracked:{name}:row"]) for c in contents if f"tracked:{name}:row" in c]
            words = np.concatenate([np.empty(0, np.int64), *(part.ravel() for part in rows)])
            tracker.restore(p, _texts(contents, f"tracked:{name}:key"), words)
        waiting: list[Rows] = [
            (
                _column(contents, f"judged:{name}:id"),
                _column(contents, f"judged:{name}:time"),
                _column(contents, f"judged:{name}:value"),
            )
            for name in ("score", "label")
        ]
        self.judged.restore(p, int(_ints(last["judged"])[0]), *waiting)
        keys, times = _rows(contents, "alerted", "key", "time")
        self.alerted[p].update(zip(keys, times.tolist(), strict=True))
        for called, lookup in self.lookups.items():
            keys, times = _rows(contents, f"lookup:{called}", "key", "time")
            lookup.restore(p, keys, times, _texts(contents, f"lookup:{called}:row"))
        for table, contributions in zip(spec.tables, self.contributions, strict=True):
            closed = _ints(last[f"closed:{table.name}"]).tolist()
            for source_name, until in zip(contributions.sources, closed, strict=True):
                keys, bucket = _rows(contents, f"open:{table.name}:{source_name}", "key", "bucket")
                contributions.restore(source_name, p, until, bucket, as_objects(keys))

    def _restore_feeds(self, p: int, contents: Sequence[Content]) -> None:
        if self.feeds is None:
            return
        columns: dict[str, Any] = {
            name: _texts(contents, f"feeds:{name}")
            for name in ("feed", "thing", *(f"sure:{n}" for n in ("about", "one", "other")))
        }
        numbers = ("clock", "unit", "late", "value", "count", "sure:at", "sure:own", "sure:its")
        columns |= {name: _column(contents, f"feeds:{name}") for name in numbers}
        self.feeds.restore(p, int(_ints(contents[-1]["watched"])[0]), columns)

    def _restore_recalls(self, p: int, contents: Sequence[Content]) -> None:
        if self.recalls is None:
            return
        columns: dict[str, Any] = {
            name: _column(contents, f"recall:{name}") for name in ("offset", "at", "done:offset")
        }
        texts = ("key", "line", "done:id")
        columns |= {name: _texts(contents, f"recall:{name}") for name in texts}
        self.recalls.restore(p, columns)
        self._keep_for_recalls()

    def _keep_for_recalls(self) -> None:
        if self.recalls is not None:
            for windows in self.windows.values():
                windows.keep_from(self.recalls.oldest())

    def _restore_window(self, p: int, name: str, contents: Sequence[Content]) -> None:
        keys, times = _rows(contents, f"window:{name}", "key", "time")
        count = np.ones(len(keys), np.int64)
        in_snapshot = contents[0].get(f"window:{name}:count")
        if in_snapshot is not None:  # its keys stand once, for all of their rows
            count[: len(in_snapshot)] = _ints(in_snapshot)
        values = _column(contents, f"window:{name}:value")
        self.windows[name].restore(p, keys, count, times, values)

    def _standing(self, p: int, pending: Ints, asks_from: Ints) -> Content:
        """Write down what a partition has one of, whatever has changed."""
        again = self.unfinished.get(p)
        if again is not None:
            pending = np.concatenate([pending, again])
        names = [source.name for source in self.spec.sources]
        content: Content = {
            "next": np.array([self.next[name][p] for name in names]),
            "clock": np.array([self.clocks[name][p] for name in names]),
            "pending": _ranges(np.sort(pending)),
            "safe": asks_from[p : p + 1].copy(),
            "judged": self.judged.until[p : p + 1].copy(),
        }
        if self.feeds is not None:
            content["watched"] = self.feeds.until[p : p + 1].copy()
        for name in names:
            content[f"account:{name}"] = np.array(list(self.account.of(name, p).values()))
        for table, contributions in zip(self.spec.tables, self.contributions, strict=True):
            content[f"closed:{table.name}"] = np.array(contributions.closed(p))
        return content


def _ranges(offsets: Ints) -> Ints:
    """Write sorted offsets as pairs of a first one and how many follow each other.

    >>> _ranges(np.array([3, 4, 5, 9])).tolist(), _unranges(np.array([3, 3, 9, 1])).tolist()
    ([3, 3, 9, 1], [3, 4, 5, 9])
    """
    if not len(offsets):
        return np.empty(0, np.int64)
    first = np.flatnonzero(np.concatenate(([True], np.diff(offsets) != 1)))
    count = np.diff(np.append(first, len(offsets)))
    return np.column_stack([offsets[first], count]).ravel()


def _unranges(pairs: Ints) -> Ints:
    first, count = pairs.reshape(-1, 2).T
    start = np.repeat(first - (np.cumsum(count) - count), count)
    return start + np.arange(int(count.sum()))


def _ints(column: Ints | list[str]) -> Ints:
    if not isinstance(column, np.ndarray):
        raise TypeError("texts where numbers should be")
    return column


def _column(contents: Sequence[Content], name: str) -> Ints:
    return np.concatenate([np.empty(0, np.int64), *(_ints(c[name]) for c in contents if name in c)])


def _rows(
    contents: Sequence[Content], name: str, texts: str, numbers: str
) -> tuple[list[str], Ints]:
    """Put the rows of all contents together, in order: a column of texts and one of numbers."""
    return _texts(contents, f"{name}:{texts}"), _column(contents, f"{name}:{numbers}")


def _texts(contents: Sequence[Content], name: str) -> list[str]:
    return list(chain.from_iterable(content.get(name, []) for content in contents))
