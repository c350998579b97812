"""What a domain is: its sources, features, model, alerts and world, as data and pure functions.

The engine reads these and never asks for a domain's name. Whatever is odd about a domain is
a function in its folder under :mod:`streams.domains`, named here by a field.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from streams.errors import UsageError
from streams.events import Columns, Floats, Ints, Mask
from streams.features import FeatureSpec, Lookup, Recall, SecondKey, Tracker, Windows
from streams.watching import FeedWatch
from streams.world import AskMap, FileMap, Slice, TableMap, Timeline, World

Matrix: TypeAlias = npt.NDArray[np.float32]

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
    derived
        Columns that are made from the others as an event arrives: integers for windows to add up,
        or numbers to look up, NaN where an event says nothing of it. What is looked up and
        windowed is kept, the rest is not: a text of which only derived columns are looked up is in
        no state.
    sensitive
        It carries free text about persons. What of it is dead or late goes on masked
        (:func:`streams.privacy.redact`), with a keyed hash of the original bytes in a header in
        place of the bytes.
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
    derived: Mapping[str, Callable[[Columns], Ints | Floats]] = field(default_factory=dict)
    sensitive: bool = False


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
    days: float
    ordinary_days: float
    world: Mapping[str, float]
    ordinary: Mapping[str, float]
    seed: int


def itself(scores: Floats) -> Floats:
    """Return the scores: they are the risk."""
    return scores


class Planted(StrEnum):
    """What a world plants, and an alert is judged by."""

    EVENTS = "events"
    """Events: an alert is right if it is about one of them."""
    SPANS = "spans"
    """Stretches of an entity's life, from ``onset`` to ``until``: an alert is right inside."""


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
        From this risk on the severity is ``critical``; below it is ``warning``.
    about
        The label of what the alert warns of.
    risk
        Of a score, from 0 to 1: what the model's threshold is compared with.
    eligible
        ``features (n, n_features) -> mask``: of which events an alert may be raised at all.
    cooldown
        So long after an alert none is raised on the same entity (ms of event time).
    planted
        What the world plants, and the alerts are judged by.
    kinds
        Which kinds of it the alert is to warn of; by default all.
    """

    name: str
    formula: str
    noun: str
    facts: tuple[str, ...]
    sentence: Callable[[Mapping[str, Any]], str]
    critical: float
    about: int = 1
    risk: Callable[[Floats], Floats] = itself
    eligible: Callable[[Matrix], Mask] | None = None
    cooldown: int = 0
    planted: Planted = Planted.EVENTS
    kinds: tuple[str, ...] = ()

    def risks(self, scores: Floats, features: Matrix) -> Floats:
        """Return the risk of each event, 0 where no alert may be raised."""
        risk = self.risk(scores)
        return risk if self.eligible is None else np.where(self.eligible(features), risk, 0.0)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How the model's accuracy is followed, over events whose labels are final.

    Parameters
    ----------
    metric
        By its name in :data:`streams.quality.METRICS`.
    threshold, margin, min_samples
        It is low below the threshold (above it, for an error), until it is better by the margin;
        fewer events say nothing.
    span, count
        The window: so much event time (ms), and so many events at the most.
    step
        A state is told of at every multiple of this (ms of event time).
    """

    metric: str
    threshold: float
    margin: float
    min_samples: int
    span: int
    step: int
    count: int = 20_000


@dataclass(frozen=True, slots=True)
class Slate:
    """What a model puts forward beside its score, and how that is judged.

    Parameters
    ----------
    size
        How many items it puts forward for each event, the best first.
    verdict
        ``(items (n, size), labels (n,)) -> what was true of each score``: 1 if the label says that
        the items were right, 0 if not, -1 where nobody can say.
    """

    size: int
    verdict: Callable[[Ints, Ints], Ints]


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
    accuracy: Accuracy
    world: Callable[[int, Mapping[str, float]], World]
    """``(seed, options) -> World``."""
    options: Mapping[str, float]
    """The world's options with their defaults."""
    files: tuple[FileMap, ...]
    timeline: Timeline
    label_key: str
    """Field of a label event that holds the ``event_id`` of the event it is about."""
    lookups: tuple[Lookup, ...] = ()
    trackers: tuple[Tracker, ...] = ()
    databases: tuple[TableMap, ...] = ()
    """Tables that are polled for changes, which are events of context sources."""
    asks: tuple[AskMap, ...] = ()
    """Third parties that are asked about the trigger's entities."""
    recall: Recall | None = None
    """What is scored again once a third party has answered."""
    feeds: FeedWatch | None = None
    """How the feeds that come together in the trigger are watched."""
    collect: Callable[[Iterable[Slice]], Iterator[Slice]] = iter
    """What is made of all slices before they are sent, be they of a world or of files: labels that
    are found in the events themselves."""
    label_field: str | None = None
    """Integer field of a label event that says what was true; ``None``: each of them says 1."""
    unlabelled: int | None = 0
    """What an event was whose label has not come within the timeline's delay; ``None``: nobody
    can say."""
    slate: Slate | None = None
    """What the model puts forward for each event, if it does."""
    pseudonyms: Mapping[str, str] = field(default_factory=dict)
    """Fields of any source that identify a person, each with the kind of thing that it names. Their
    values, and keys that hold them, are replaced by keyed hashes before anything is sent
    (:mod:`streams.edge`); fields of one kind still join."""

    def __post_init__(self) -> None:
        """Refuse what would stand still.

        An event waits for its tables until everybody's clock is ``delay`` behind it. Its own
        partition's watermark may be ``allowed_lateness`` behind that partition's clock, and the
        event ``max_ahead`` before it: with less delay it could wait for events that are behind it.
        """
        trigger = self.trigger
        least = trigger.allowed_lateness + trigger.max_ahead
        for table in self.tables:
            if table.delay < least:
                raise UsageError(
                    f"{self.name}: table {table.name} has a delay of {table.delay} ms; it must be "
                    f"at least {least}, by how much {trigger.name} may be late and ahead"
                )
        for lookup in self.lookups:
            self._check(lookup)
        if self.recall is not None and self.trackers:
            raise UsageError(f"{self.name}: what is tracked cannot be gone back to for a recall")
        if len({lookup.name for lookup in self.lookups}) < len(self.lookups):
            raise UsageError(f"{self.name}: two lookups have the same name")
        known = {lookup.name for lookup in self.lookups}
        for tracker in self.trackers:
            if missing := set(tracker.joined) - known:
                raise UsageError(
                    f"{self.name}: {tracker.name} is to know of {', '.join(sorted(missing))}, "
                    "which is not looked up"
                )

    def _check(self, lookup: Lookup) -> None:
        source = self.source(lookup.source)
        known = {*source.derived, *(field.name for field in source.fields)}
        if source.role is not Role.CONTEXT or source.key != self.trigger.key:
            raise UsageError(
                f"{self.name}: {source.name} cannot be looked up: it must be a context source "
                f"with the key {self.trigger.key}"
            )
        if unknown := set(lookup.fields) - known:
            raise UsageError(f"{self.name}: {source.name} has no field {', '.join(unknown)}")

    def truth(self, labels: Ints, items: Ints | None) -> Ints:
        """Return what was true of scores: what their labels say, or the verdict on their items."""
        if self.slate is None or items is None:
            return labels
        return np.where(labels < 0, -1, self.slate.verdict(items, labels))

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
        parts: dict[str, Any] = {
            "names": self.features.names,
            "windows": [(w.name, w.key, w.value, w.lengths, w.keep) for w in self.windows],
            "tables": [
                (t.name, t.key, t.bucket, t.delay, t.lengths, sorted(t.counts.items()))
                for t in self.tables
            ],
        }
        if self.lookups:
            parts["lookups"] = [
                (look.source, look.fields, look.delay, *look.apart) for look in self.lookups
            ]
        if self.trackers:
            parts["trackers"] = [
                (tracker.name, tracker.layout, tracker.joined) for tracker in self.trackers
            ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
