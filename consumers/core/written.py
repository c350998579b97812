"""How the state of a partition is written down, whole or as what it has one of, and read again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsim.consumers.monitor.label_join import Rows
from streamsim.consumers.state.journal import Content
from streamsim.streams.events import Ints, as_objects

if TYPE_CHECKING:
    from streamsim.consumers.core.state import State


def snapshot(
    state: State, partition: int, pending: Ints, asks_from: Ints, order: Ints | None
) -> Content:
    """Write down all of a partition; no event of it may be with the scorer."""
    content = standing(state, partition, pending, asks_from, order)
    for source, seen in state.seen.items():
        content[f"seen:{source}:id"], content[f"seen:{source}:time"] = seen.kept(partition)
    for name, windows in state.windows.items():
        keys, count, times, values = windows.kept(partition)
        content[f"window:{name}:key"], content[f"window:{name}:count"] = keys, count
        content[f"window:{name}:time"], content[f"window:{name}:value"] = times, values
    if state.feeds is not None:
        content |= {f"feeds:{name}": c for name, c in state.feeds.kept(partition).items()}
    if state.recalls is not None:
        content |= {f"recall:{name}": c for name, c in state.recalls.kept(partition).items()}
    for name, tracker in state.trackers.items():
        content[f"tracked:{name}:key"], content[f"tracked:{name}:row"] = tracker.kept(partition)
    content |= {f"judged:{n}": c for n, c in state.judged.kept(partition).items()}
    alerted = state.alerted[partition]
    content["alerted:key"] = list(alerted)
    content["alerted:time"] = np.array(list(alerted.values()), np.int64)
    for called, lookup in state.lookups.items():
        name = f"lookup:{called}"
        content[f"{name}:key"], content[f"{name}:time"], content[f"{name}:row"] = lookup.kept(
            partition
        )
    for table, contributions in zip(state.spec.features.tables, state.contributions, strict=True):
        for source in contributions.sources:
            bucket, keys_ = contributions.open(source, partition)
            content[f"open:{table.name}:{source}:bucket"] = bucket
            content[f"open:{table.name}:{source}:key"] = keys_.tolist()
    return content


def standing(state: State, p: int, pending: Ints, asks_from: Ints, order: Ints | None) -> Content:
    """Write down what a partition has one of, whatever has changed."""
    again = state.unfinished.get(p)
    if again is not None:
        pending = np.concatenate([pending, again])
    if order is None:
        order = state.order.get(p, np.empty(0, np.int64))
    names = [source.name for source in state.spec.inputs.sources]
    content: Content = {
        "next": np.array([state.next[name][p] for name in names]),
        "clock": np.array([state.clocks[name][p] for name in names]),
        "pending": _ranges(np.sort(pending)),
        "order": order,
        "safe": asks_from[p : p + 1].copy(),
        "judged": state.judged.until[p : p + 1].copy(),
        "behind": np.array(sorted(state.behind[p]), np.int64),
    }
    if state.feeds is not None:
        content["watched"] = state.feeds.until[p : p + 1].copy()
    for name in names:
        content[f"account:{name}"] = np.array(list(state.account.of(name, p).values()))
    for table, contributions in zip(state.spec.features.tables, state.contributions, strict=True):
        content[f"closed:{table.name}"] = np.array(contributions.closed(p))
    return content


def restore(state: State, p: int, contents: Sequence[Content]) -> None:
    """Take in a snapshot, if any, and the cuts after it, in order."""
    spec, last = state.spec, contents[-1]
    state.kept(p, last)
    for i, source in enumerate(spec.inputs.sources):
        state.next[source.name][p] = last["next"][i]
        state.clocks[source.name][p] = last["clock"][i]
        state.account.set(source.name, p, _ints(last[f"account:{source.name}"]).tolist())
        ids, times = _rows(contents, f"seen:{source.name}", "id", "time")
        state.seen[source.name].restore(p, ids, times)
    unfinished = _unranges(_ints(last["pending"]))
    if len(unfinished):
        state.unfinished[p] = unfinished
        order = _ints(last["order"])
        if len(order):
            state.order[p] = order
    for window in spec.features.windows:
        _restore_window(state, p, window.name, contents)
    _restore_feeds(state, p, contents)
    _restore_recalls(state, p, contents)
    for name, tracker in state.trackers.items():
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
    state.behind[p] = set(_ints(last["behind"]).tolist())
    state.judged.restore(p, int(_ints(last["judged"])[0]), *waiting)
    keys, times = _rows(contents, "alerted", "key", "time")
    state.alerted[p].update(zip(keys, times.tolist(), strict=True))
    for called, lookup in state.lookups.items():
        keys, times = _rows(contents, f"lookup:{called}", "key", "time")
        lookup.restore(p, keys, times, _texts(contents, f"lookup:{called}:row"))
    for table, contributions in zip(spec.features.tables, state.contributions, strict=True):
        closed = _ints(last[f"closed:{table.name}"]).tolist()
        for source_name, until in zip(contributions.sources, closed, strict=True):
            keys, bucket = _rows(contents, f"open:{table.name}:{source_name}", "key", "bucket")
            contributions.restore(source_name, p, until, bucket, as_objects(keys))


def _restore_feeds(state: State, p: int, contents: Sequence[Content]) -> None:
    if state.feeds is None:
        return
    columns: dict[str, Any] = {
        name: _texts(contents, f"feeds:{name}")
        for name in ("feed", "thing", *(f"sure:{n}" for n in ("about", "one", "other")))
    }
    numbers = ("clock", "unit", "late", "value", "count", "sure:at", "sure:own", "sure:its")
    columns |= {name: _column(contents, f"feeds:{name}") for name in numbers}
    state.feeds.restore(p, int(_ints(contents[-1]["watched"])[0]), columns)


def _restore_recalls(state: State, p: int, contents: Sequence[Content]) -> None:
    if state.recalls is None:
        return
    columns: dict[str, Any] = {
        name: _column(contents, f"recall:{name}") for name in ("offset", "at", "done:offset")
    }
    texts = ("key", "line", "done:id")
    columns |= {name: _texts(contents, f"recall:{name}") for name in texts}
    state.recalls.restore(p, columns)
    state.keep_for_recalls()


def _restore_window(state: State, p: int, name: str, contents: Sequence[Content]) -> None:
    keys, times = _rows(contents, f"window:{name}", "key", "time")
    count = np.ones(len(keys), np.int64)
    in_snapshot = contents[0].get(f"window:{name}:count")
    if in_snapshot is not None:  # its keys stand once, for all of their rows
        count[: len(in_snapshot)] = _ints(in_snapshot)
    values = _column(contents, f"window:{name}:value")
    state.windows[name].restore(p, keys, count, times, values)


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
