"""Features as data: windows over a key's past, counts by a second key, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Events, Floats, Ints, Objects

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
Slots: TypeAlias = npt.NDArray[np.intp]

UNKNOWN = -1.0
"""Stands for a feature that is not known; never NaN, which is always an error at the model."""


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
class SecondKey:
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
class Lookup:
    """A context source that is joined by the trigger's entity, as it was known at each event.

    Every event of the source is a version of what it says of its entity. An event at ``t`` meets
    the newest version with a time of ``t - delay`` or before, and waits until the source's clock
    has passed that: a version that comes later, or says what is true later, changes nothing.

    One source may be looked up under several names: now, and a day before, which is a trend.

    Parameters
    ----------
    source
        Its key must be the trigger's, so that both lie in the same partition.
    delay
        How long after its event time a version counts (ms). With the timeline's heartbeat or more,
        no event waits for long.
    fields
        Fields of the source, or columns that it derives.
    name
        What the features call it; by default as its source.
    carry
        A field that a version does not have keeps the value of the version before, so that single
        results fill a row. Otherwise the newest version is taken as it is.
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
        """What tells it from a plain lookup of its source; nothing for a plain one."""
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
        Names of lookups that it must know of: the events then have the columns
        ``<name>.<field>``, and ``<name>.time``, ``NO_TIME`` where nothing is known.
    """

    name: str
    start: Callable[[], Tracked]
    layout: str = ""
    joined: tuple[str, ...] = ()

    def told(self, events: Events, lookups: Mapping[str, Joined]) -> Events:
        """Return the events with what was joined, as far as it is asked for."""
        if not self.joined:
            return events
        columns = dict(events.columns)
        for name in self.joined:
            columns[f"{name}.time"] = lookups[name].time
            columns |= {f"{name}.{k}": v for k, v in lookups[name].columns.items()}
        return replace(events, columns=columns)


@dataclass(frozen=True, slots=True)
class Recall:
    """Events that were scored before a third party had answered about their entity.

    Its first answer brings them along. Once nothing older can come any more they are scored again,
    to ``<domain>.corrections``, as a batch would score them that knew the answer.

    Parameters
    ----------
    lookup
        Name of the lookup that had nothing for them.
    field
        String field of its source: a JSON list of the events, as they were sent.
    within
        An answer corrects events of so long before it came at the most (ms).
    most
        Of one answer at most so many, the latest.
    """

    lookup: str
    field: str
    within: int
    most: int = 100


@dataclass(frozen=True, slots=True)
class Joined:
    """What :class:`Lookup` found for ``n`` events.

    ``columns[field]`` has shape ``(n,)``: objects, ``None`` where nothing is known. ``time`` is
    that of the version (ms), ``NO_TIME`` where there is none; where fields are carried, it is that
    of the newest value.
    """

    time: Ints
    columns: Mapping[str, Objects]


@dataclass(frozen=True, slots=True)
class Past:
    """What :class:`Windows` saw for ``n`` events, one column per window length.

    ``count``, ``total`` and ``squares`` have shape ``(n, n_lengths)``: how many events, the sum
    of their values and of the squares of these. ``last`` and ``first`` are the times of the latest
    and of the earliest event before (ms, shape ``(n,)``), ``NO_TIME`` if there is none in the
    longest window.
    """

    count: Ints
    total: Ints
    squares: Ints
    last: Ints
    first: Ints


@dataclass(frozen=True, slots=True)
class Aggregates:
    """All that an event's features are made from, besides the event itself.

    ``windows[name]`` is a :class:`Past`; ``tables[name][column]`` has shape ``(n, n_lengths)``;
    ``lookups[name]`` is a :class:`Joined`; ``tracked[name]`` is what a :class:`Tracker` said.
    """

    windows: Mapping[str, Past]
    tables: Mapping[str, Mapping[str, Ints]]
    lookups: Mapping[str, Joined] = field(default_factory=dict)
    tracked: Mapping[str, Arrays] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """The features of a domain's model, defined once for the stream and for training.

    Parameters
    ----------
    names
        One per column, in order.
    assemble
        ``(events, aggregates) -> float64 array of shape (n_events, n_features)``; NaN where a
        feature is not known. Pure.
    help
        Per feature, what it means, with its unit.
    groups
        Features that say the same in different ways, by what they say in words, the most telling
        first. An alert is explained by groups, and shows one feature of each.
    phrases
        Per feature, how it reads in an alert: a format of ``value`` and ``usual``. By default
        its help with both numbers.
    unknown
        Per feature, how it reads where it is -1, which stands for what is not known.
    lineage
        What a score says of the context that its event met: which version, and who was believed.
    """

    names: tuple[str, ...]
    assemble: Callable[[Events, Aggregates], Floats]
    help: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    lineage: Callable[[Aggregates], list[dict[str, Any]]] | None = None

    def phrase(self, name: str, value: float, usual: float) -> str:
        """Say in words what a feature's value is, and what is usual."""
        if value == UNKNOWN and name in self.unknown:
            return self.unknown[name]
        default = f"{self.help[name]} {{value:,.6g}}, usually {{usual:,.6g}}"
        return self.phrases.get(name, default).format(value=value, usual=usual)
