"""Feature definitions: windows, global tables, as-of joins and trackers, as data."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Events, Ints
from streamsim.streams.spec.feature_vector import Arrays, FeatureSpec, Joined

Slots: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Windows:
    """Sliding windows over one key's own past: ``[t - length, t)`` for an event at ``t``.

    The right end is open: an event sees neither itself nor events of the same instant. So the
    features of simultaneous events do not depend on their order of arrival.

    Parameters
    ----------
    key
        The source's own key; only triggers are stored.
    value
        The integer column that is summed and squared (cents, say).
    lengths
        Window lengths (ms); events are stored for the longest.
    keep
        The most events that are stored per key, the latest, which bounds the memory of a hot key.
        With ``|value| <= 1e8`` the sums of squares of 900 events fit in 63 bits.
    """

    name: str
    key: str
    value: str
    lengths: tuple[int, ...]
    keep: int = 900


@dataclass(frozen=True, slots=True)
class GlobalTableSpec:
    """Counts by a key other than the topic's, shared by all workers through a topic.

    Each worker counts the events of its partitions, per key and bucket of event time. It publishes
    a bucket to ``<domain>.<name>`` once its watermark has passed the bucket's end. Every worker
    reads the whole topic. An event at ``t`` sees the buckets in ``[b - length, b)`` with
    ``b = floor(t - delay)`` on the bucket grid, and waits until all contributors have published
    all buckets before ``b``.

    Parameters
    ----------
    key
        Column that holds the key, in every contributing source.
    bucket, delay, lengths
        Width of a bucket, age of the newest bucket that counts, window lengths (ms).
    counts
        Per column of the table, the source whose events it counts.
    effective
        Per source, a function of its events that returns the times at which they count (ms); by
        default their event times. A time must not be earlier than the event time less ``delay``,
        or a label could change a bucket that has been published.
    """

    name: str
    key: str
    bucket: int
    delay: int
    lengths: tuple[int, ...]
    counts: Mapping[str, str]
    effective: Mapping[str, Callable[[Events], Ints]] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        """The contributing sources, each once."""
        return tuple(dict.fromkeys(self.counts.values()))


@dataclass(frozen=True, slots=True)
class AsOfJoin:
    """A context source that is joined by the trigger's entity, as of each event's time.

    Every event of the source is a version of its entity's data. An event at ``t`` is joined to
    the newest version with a time of ``t - delay`` or before. It waits until the source's clock
    has passed that, so that neither later arrivals nor later versions change the result.

    One source may be joined under several names: now, and a day before, which gives a trend.

    Parameters
    ----------
    source
        Its key must be the trigger's, so that both lie in the same partition.
    delay
        How long after its event time a version counts (ms). With at least the inputs' heartbeat,
        events wait only briefly.
    fields
        Fields of the source, or columns that it derives.
    name
        Name of the join in the features; by default the source's.
    carry
        Join per field: a field that is missing in a version keeps its value of the version before,
        so that single results fill a row. Otherwise the newest version is taken whole.
    keep
        How long a version counts (ms); an event is not joined with an older one. 0: for ever. Then
        the data of every key is kept, so memory is bounded only by the number of keys.
    """

    source: str
    fields: tuple[str, ...]
    delay: int = 0
    name: str = ""
    carry: bool = False
    keep: int = 0

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.source)

    @property
    def apart(self) -> tuple[str | bool, ...]:
        """How it differs from a plain join of its source; empty for a plain one."""
        return () if self.name == self.source and not self.carry else (self.name, self.carry)


class Tracked(Protocol):
    """Tracked state of many keys. Each key has a slot, numbered from 0."""

    def update(self, slots: Slots, events: Events) -> Arrays:
        """Update the state with events, in order, and return each event's tracked values.

        A key may have several events. The values of an event depend on the events of its own key
        up to this one, and on nothing else.

        Parameters
        ----------
        slots
            The slot of each event's key, shape ``(n,)``.

        Returns
        -------
        Arrays whose first axis is the events.
        """
        ...

    def snapshot(self, slots: Slots) -> Arrays:
        """Return the state of these keys, for a checkpoint.

        The first axis is ``slots``; all other axes and the types are always the same.
        """
        ...

    def restore(self, slots: Slots, arrays: Arrays) -> None:
        """Restore into these slots what :meth:`snapshot` returned."""
        ...


@dataclass(frozen=True, slots=True)
class Tracker:
    """State of the trigger's entity, updated event by event, for features that need no window.

    In a domain with trackers each event waits until its partition's watermark has passed it, so
    events are processed in order of event time and the result does not depend on their arrival.

    Parameters
    ----------
    start
        ``() -> Tracked`` with no keys.
    layout
        Version of its state, in any words: a checkpoint with another layout is refused.
    joined
        Names of as-of joins that it needs: the events then have the columns ``<name>.<field>``,
        and ``<name>.time``, ``NO_TIME`` where nothing is known.
    """

    name: str
    start: Callable[[], Tracked]
    layout: str = ""
    joined: tuple[str, ...] = ()

    def with_joins(self, events: Events, joins: Mapping[str, Joined]) -> Events:
        """Return the events with the columns of the joins that it needs."""
        if not self.joined:
            return events
        columns = dict(events.columns)
        for name in self.joined:
            columns[f"{name}.time"] = joins[name].time
            columns |= {f"{name}.{k}": v for k, v in joins[name].columns.items()}
        return replace(events, columns=columns)


@dataclass(frozen=True, slots=True)
class Features:
    """The definitions that a domain's features are made from, and their vector.

    Parameters
    ----------
    vector
        Names, meanings and the function that makes the features.
    windows
        Windows over the past events of the trigger's own key.
    tables
        Global tables: counts by another key than the topic's.
    joins
        Context sources that are joined as of each event's time.
    trackers
        State of an entity that no window can hold.

    Raises
    ------
    UsageError
        If two of a kind have the same name, or a tracker needs a join that does not exist.
    """

    vector: FeatureSpec
    windows: tuple[Windows, ...] = ()
    tables: tuple[GlobalTableSpec, ...] = ()
    joins: tuple[AsOfJoin, ...] = ()
    trackers: tuple[Tracker, ...] = ()

    def __post_init__(self) -> None:
        _refuse_twins("windows", self.windows)
        _refuse_twins("global tables", self.tables)
        _refuse_twins("as-of joins", self.joins)
        _refuse_twins("trackers", self.trackers)
        known = {join.name for join in self.joins}
        for tracker in self.trackers:
            if missing := set(tracker.joined) - known:
                raise UsageError(
                    f"tracker {tracker.name} needs {', '.join(sorted(missing))}, "
                    "which no as-of join has"
                )

    @property
    def fingerprint(self) -> str:
        """Hash of the feature definitions; a model fits exactly one.

        It covers names, windows and tables: a model that was trained on other windows is refused
        even if its columns have the same names.
        """
        parts: dict[str, Any] = {
            "names": self.vector.names,
            "windows": [(w.name, w.key, w.value, w.lengths, w.keep) for w in self.windows],
            "tables": [
                (t.name, t.key, t.bucket, t.delay, t.lengths, sorted(t.counts.items()))
                for t in self.tables
            ],
        }
        if self.joins:
            # The key is an older name of joins, kept so that trained models still fit.
            parts["lookups"] = [
                (join.source, join.fields, join.delay, *join.apart) for join in self.joins
            ]
        if self.trackers:
            parts["trackers"] = [
                (tracker.name, tracker.layout, tracker.joined) for tracker in self.trackers
            ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _refuse_twins(
    kind: str, parts: Iterable[Windows | GlobalTableSpec | AsOfJoin | Tracker]
) -> None:
    twins = [name for name, n in Counter(part.name for part in parts).items() if n > 1]
    if twins:
        raise UsageError(f"two {kind} have the same name: {', '.join(twins)}")
