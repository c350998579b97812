"""What a domain is: its sources, features, model, alerts and world, as data and pure functions.

The engine reads these and never asks for a domain's name. Whatever is odd about a domain is
a function in its folder under :mod:`streams.domains`, named here by a field.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from streams.errors import UsageError
from streams.events import Columns, Ints
from streams.features import FeatureSpec, SecondKey, Windows
from streams.world import FileMap, Timeline, World

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
