"""What a domain is: its sources, features, model, alerts and world, as data and pure functions.

The engine reads these and never asks for a domain's name. Whatever is odd about a domain is
a function in its folder under :mod:`streams.domains`, named here by a field.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from streams.errors import UsageError
from streams.events import Columns, Events, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Role(StrEnum):
    """What a source's events are for; each role closes an account of its own."""

    TRIGGER = "trigger"
    """Is scored: the ``in`` of the account counts these."""
    CONTEXT = "context"
    """Is joined: customers, weather, laboratory values."""
    LABEL = "label"
    """Says later what was true."""


class Kind(StrEnum):
    """Type of a field in the JSON of an event."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    TIME = "time"
    """An RFC 3339 instant; a column of it holds milliseconds in UTC."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event.

    Parameters
    ----------
    required
        A record without it is dead. A missing optional string is ``None``, a missing optional
        number NaN; integers and times cannot be optional.
    low, high
        Inclusive bounds of a number, or of a time in ms.
    max_length
        Of a string, in characters.
    """

    name: str
    kind: Kind
    help: str
    required: bool = True
    low: float | None = None
    high: float | None = None
    max_length: int = 200
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.required and self.kind in (Kind.INTEGER, Kind.TIME):
            raise UsageError(f"field {self.name}: only strings and numbers can be optional")


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One stream of events of a domain; its topic is ``<domain>.<name>``.

    Parameters
    ----------
    key
        The field that holds the entity. The record's key must be the same, or it is dead: past
        and labels of an entity meet only in its own partition.
    fields
        Besides ``event_id`` and ``event_time``, which every event has.
    allowed_lateness
        A record is late if its event time is older than the source's clock, as stamped on
        that same record, by more than this (ms).
    max_ahead
        A record is dead if its event time is ahead of that clock by more than this (ms).
    remember
        How long an event id is remembered at least, in event time (ms). A second copy within
        it is a duplicate; ids are always kept for ``allowed_lateness``, past which a copy is
        late anyway.
    entity_optional
        Without an entity an event is not dead but filtered (``no_entity``).
    """

    name: str
    role: Role
    key: str
    fields: tuple[Field, ...]
    help: str
    allowed_lateness: int = 0
    max_ahead: int = DAY
    remember: int = HOUR
    entity_optional: bool = False


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
class Past:
    """What :class:`Windows` saw for ``n`` events, one column per window length.

    ``count``, ``total`` and ``squares`` have shape ``(n, n_lengths)``: how many events, the sum
    of their values and of the squares of these. ``last`` is the time of the latest event
    before (ms, shape ``(n,)``), ``NO_TIME`` if there is none in the longest window.
    """

    count: Ints
    total: Ints
    squares: Ints
    last: Ints


@dataclass(frozen=True, slots=True)
class Aggregates:
    """All that an event's features are made from, besides the event itself.

    ``windows[name]`` is a :class:`Past`; ``tables[name][column]`` has shape ``(n, n_lengths)``.
    """

    windows: Mapping[str, Past]
    tables: Mapping[str, Mapping[str, Ints]]


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
    """

    names: tuple[str, ...]
    assemble: Callable[[Events, Aggregates], Floats]
    help: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, str] = field(default_factory=dict)

    def phrase(self, name: str, value: float, usual: float) -> str:
        """Say in words what a feature's value is, and what is usual."""
        default = f"{self.help[name]} {{value:,.6g}}, usually {{usual:,.6g}}"
        return self.phrases.get(name, default).format(value=value, usual=usual)


class Estimator(Protocol):
    """The part of scikit-learn's classifier interface that is used here."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn from rows and labels."""
        ...

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape ``(n_rows, 2)``."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a domain's model is made.

    Parameters
    ----------
    name
        Name of the model on the inference protocol and in the registry.
    build
        ``seed -> unfitted estimator``.
    metric
        ``average_precision`` or ``roc_auc``: what the report calls quality.
    max_false_alerts
        The threshold of the alert is the lowest score at which at most this share of the
        genuine events of the calibration period would have raised one.
    days, ordinary_days
        How much of each of the two worlds it is made from (event days).
    world, ordinary
        Options of the world that it learns from, and of another one, in which nothing happens
        that should raise an alert, that sets its threshold.
    seed
        Of these worlds; no test and no run uses it by default.
    """

    name: str
    build: Callable[[int], Estimator]
    metric: str
    max_false_alerts: float
    days: int
    ordinary_days: int
    world: Mapping[str, float]
    ordinary: Mapping[str, float]
    seed: int


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alert: when it is raised and what it says.

    Parameters
    ----------
    name
        ``suspected_fraud``: the last part of the CloudEvents type.
    formula
        The rule in words.
    noun
        What the entity is called (``card``).
    facts
        Columns of the trigger that the alert carries.
    sentence
        ``facts -> what was seen``, in a few words for a person.
    critical
        From this score on the severity is ``critical``; below it is ``warning``.
    """

    name: str
    formula: str
    noun: str
    facts: tuple[str, ...]
    sentence: Callable[[Mapping[str, Any]], str]
    critical: float


@dataclass(frozen=True, slots=True)
class Emission:
    """Events of one source, ready to be sent, in order of sending.

    Attributes
    ----------
    event_time
        When each happened (ms, shape ``(n,)``); the record's timestamp.
    clock
        The source's clock when it sends each (ms, not decreasing); in a source that is in
        order this is the event time.
    keys, values
        The records' bytes.
    """

    source: str
    event_time: Ints
    clock: Ints
    keys: list[bytes | None]
    values: list[bytes]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: slice | Ints) -> Emission:
        """Return some rows."""
        if isinstance(rows, slice):
            keys, values = self.keys[rows], self.values[rows]
        else:
            picked = rows.tolist()
            keys, values = [self.keys[i] for i in picked], [self.values[i] for i in picked]
        return Emission(self.source, self.event_time[rows], self.clock[rows], keys, values)


@dataclass(frozen=True, slots=True)
class Slice:
    """What the sources send while their clocks are in ``[until - heartbeat, until)`` (ms).

    ``until`` is a multiple of the timeline's heartbeat.
    """

    until: int
    emissions: tuple[Emission, ...]


class World(Protocol):
    """A seeded world: the same seed and options give the same bytes."""

    def slices(self) -> Iterator[Slice]:
        """Yield what happens, without end, a heartbeat of event time at a time."""
        ...


@dataclass(frozen=True, slots=True)
class FileMap:
    """How the columns of a known kind of file become events.

    Parameters
    ----------
    columns
        The columns by which the kind is recognised; others are ignored unless ``optional``.
    convert
        ``frame -> {source: frame of that source's fields}``. Each frame has ``event_time`` in
        ms (``NO_TIME`` where a row has none) and the index of the rows that it came from. What
        a row lacks stays missing: judging is the cleaner's work.
    """

    name: str
    columns: tuple[str, ...]
    convert: Callable[[pd.DataFrame], Mapping[str, pd.DataFrame]]
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """A domain's pace and delays.

    Parameters
    ----------
    days_per_minute
        Event days that pass in one minute of a demonstration.
    label_delay
        By when a label is known at the latest (ms).
    epoch
        Where the world's time begins (ms).
    heartbeat
        Every source says its clock at every multiple of this (ms of event time), on every
        partition.
    """

    days_per_minute: float
    label_delay: int
    epoch: int
    heartbeat: int


@dataclass(frozen=True, slots=True)
class DomainSpec:
    """A domain, whole. One folder under ``streams/domains`` defines one as ``SPEC``."""

    name: str
    title: str
    question: str
    partitions: int
    sources: tuple[SourceSpec, ...]
    windows: tuple[Windows, ...]
    tables: tuple[SecondKey, ...]
    features: FeatureSpec
    recipe: Recipe
    alert: AlertRule
    world: Callable[[int, Mapping[str, float]], World]
    """``(seed, options) -> World``."""
    options: Mapping[str, float]
    """The world's options with their defaults."""
    files: tuple[FileMap, ...]
    timeline: Timeline
    label_key: str
    """Field of a label event that holds the ``event_id`` of the event it is about."""
    label_value: Callable[[Columns], Ints]
    """``columns of label events -> 1 or 0 each``."""

    @property
    def trigger(self) -> SourceSpec:
        """The source whose events are scored."""
        return next(s for s in self.sources if s.role is Role.TRIGGER)

    def source(self, name: str) -> SourceSpec:
        """Return the source of that name.

        Raises
        ------
        UsageError
            If there is none.
        """
        for source in self.sources:
            if source.name == name:
                return source
        known = ", ".join(s.name for s in self.sources)
        raise UsageError(f"{self.name} has no source {name!r}; it has {known}")

    @property
    def feature_hash(self) -> str:
        """Fingerprint of what the features are made of; a model fits exactly one.

        It covers names, windows and tables, so that a model trained on other windows is
        refused even if its columns have the same names.
        """
        parts = {
            "names": self.features.names,
            "windows": [(w.name, w.key, w.value, w.lengths, w.keep) for w in self.windows],
            "tables": [
                (t.name, t.key, t.bucket, t.delay, t.lengths, sorted(t.counts.items()))
                for t in self.tables
            ],
        }
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
