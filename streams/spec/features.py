"""What features are made from: windows, global tables, as-of joins and trackers, as data."""

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

    The right end is open: events of the same instant do not see each other, and an event does
    not see itself. That is the tie rule, and it makes the features of simultaneous events
    independent of the order in which they came.

    Parameters
    ----------
    key
        The source's own key; only triggers are remembered.
    value
        The integer column that is summed and squared (cents, say).
    lengths
        Window lengths (ms); the longest says how long the past is kept.
    keep
        At most so many of a key's latest events are remembered, which bounds what one hot
        key can take. With ``|value| <= 1e8`` the sums of squares of 900 fit in 63 bits.
    """

    name: str
    key: str
    value: str
    lengths: tuple[int, ...]
    keep: int = 900


@dataclass(frozen=True, slots=True)
class GlobalTableSpec:
    """Counts per another key than the topic's, shared by all workers through a topic.

    Each worker adds up what its partitions contribute, per key and bucket of event time, and
    publishes a bucket once its watermark has passed the bucket's end, to ``<domain>.<name>``.
    Every worker holds the whole of that topic. An event at ``t`` sees the buckets in
    ``[b - length, b)`` with ``b = floor(t - delay)`` on the bucket grid, and waits until all
    contributors have published all buckets before ``b``.

    Parameters
    ----------
    key
        Column that holds the key, in every contributing source.
    bucket, delay, lengths
        Width of a bucket, age of the youngest bucket that counts, window lengths (ms).
    counts
        Per column of the table, the source whose events it counts.
    effective
        Per source, how the time at which an event counts is found from its columns and its
        event time (ms). Without an entry it is the event time. It must not be earlier than
        event time - delay, or a label could change a bucket that has been published.
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
        """The sources that contribute, each once."""
        return tuple(dict.fromkeys(self.counts.values()))


@dataclass(frozen=True, slots=True)
class AsOfJoin:
    """A context source that is joined by the trigger's entity, as it was known at each event.

    Every event of the source is a version of what it says of its entity. An event at ``t`` meets
    the newest version with a time of ``t - delay`` or before, and waits until the source's clock
    has passed that: a version that comes later, or says what is true later, changes nothing.

    One source may be joined under several names: now, and a day before, which is a trend.

    Parameters
    ----------
    source
        Its key must be the trigger's, so that both lie in the same partition.
    delay
        How long after its event time a version counts (ms). With the inputs' heartbeat or more,
        no event waits for long.
    fields
        Fields of the source, or columns that it derives.
    name
        What the features call it; by default as its source.
    carry
        Join per field: a field that a version does not have keeps the value of the version before,
        so that single results fill a row. Otherwise the newest version is taken as it is.
    """

    source: str
    fields: tuple[str, ...]
    delay: int = 0
    name: str = ""
    carry: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.source)

    @property
    def apart(self) -> tuple[str | bool, ...]:
        """What tells it from a plain join of its source; nothing for a plain one."""
        return () if self.name == self.source and not self.carry else (self.name, self.carry)


class Tracked(Protocol):
    """What many keys have come to. Each has a number, from 0 on."""

    def update(self, slots: Slots, events: Events) -> Arrays:
        """Take events in, in order, and say of each what its key has come to.

        A key may have several of them. What is said of an event depends on those of its own key
        alone, and on none that comes after it.

        Parameters
        ----------
        slots
            The number of each event's key, shape ``(n,)``.

        Returns
        -------
        Arrays whose first axis is that of the events.
        """
        ...

    def kept(self, slots: Slots) -> Arrays:
        """Return all that has to be written down of these keys.

        The first axis is that of ``slots``; all other axes and the types are always the same.
        """
        ...

    def restore(self, slots: Slots, arrays: Arrays) -> None:
        """Put back what :meth:`kept` returned, under these numbers."""
        ...


@dataclass(frozen=True, slots=True)
class Tracker:
    """What the trigger's entity has come to, event by event, where no window says it.

    The events of a domain that tracks are always taken in order of event time: each waits until
    its partition's watermark has passed it. So what is tracked does not depend on when they came.

    Parameters
    ----------
    start
        ``() -> Tracked`` that knows no key yet.
    layout
        What it is made of, in any words: a state that was written down by another is not read.
    joined
        Names of as-of joins that it must know of: the events then have the columns
        ``<name>.<field>``, and ``<name>.time``, ``NO_TIME`` where nothing is known.
    """

    name: str
    start: Callable[[], Tracked]
    layout: str = ""
    joined: tuple[str, ...] = ()

    def told(self, events: Events, joins: Mapping[str, Joined]) -> Events:
        """Return the events with what was joined, as far as it is asked for."""
        if not self.joined:
            return events
        columns = dict(events.columns)
        for name in self.joined:
            columns[f"{name}.time"] = joins[name].time
            columns |= {f"{name}.{k}": v for k, v in joins[name].columns.items()}
        return replace(events, columns=columns)


@dataclass(frozen=True, slots=True)
class Features:
    """What a domain's features are made from, and the vector that is made of it.

    Parameters
    ----------
    vector
        Names, meanings and the function that makes the features.
    windows
        Over the past of the trigger's own key.
    tables
        Global tables: counts by another key than the topic's.
    joins
        Context sources that are joined as of each event's time.
    trackers
        What an entity has come to, where no window says it.

    Raises
    ------
    UsageError
        If two of a kind have the same name, or a tracker needs a join that is not there.
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
        """Hash of what the features are made from; a model fits exactly one.

        It covers names, windows and tables, so that a model trained on other windows is
        refused even if its columns have the same names.
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
            # The key has an older name for joins: trained models keep fitting.
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
