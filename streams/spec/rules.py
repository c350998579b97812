"""Alert rules of a domain: about its entities, its model's accuracy and its feeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Events, Floats, Mask, Matrix
from streamsim.streams.spec.feed_watch import FeedWatch
from streamsim.streams.spec.spans import DAY


def itself(scores: Floats) -> Floats:
    """Return the scores unchanged, as the risk."""
    return scores


class Planted(StrEnum):
    """What a world plants, and how alerts are judged by it."""

    EVENTS = "events"
    """Single events: an alert is right if it is about one of them."""
    SPANS = "spans"
    """Time spans of an entity, from ``onset`` to ``until``: an alert within one is right."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """Alerts of one rule that have one cause, and are shown as one incident.

    Parameters
    ----------
    within
        The incident opens if that many alerts come within this time, and is over after as long
        without one (ms of event time).
    least
        How many different entities, or alerts on one entity, open the incident.
    """

    within: int = DAY
    least: int = 3

    def __post_init__(self) -> None:
        if self.within <= 0:
            raise UsageError(f"a group of alerts needs a time, not {self.within} ms")
        if self.least < 2:
            raise UsageError(f"a group of alerts has 2 members at least, not {self.least}")


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alert about an entity: when it is raised and what it contains.

    Parameters
    ----------
    name
        ``suspected_leak``: the last part of the CloudEvents type.
    formula
        The rule in words.
    noun
        What the entity is called (``meter``).
    facts
        Columns of the trigger that the alert carries, beside the estimates.
    sentence
        ``facts -> what was seen``, in a few words for a person.
    critical
        From this risk on the severity is ``critical``; below it is ``warning``.
    about
        The label that the alert predicts.
    risk
        ``scores -> risks``, from 0 to 1, which are compared with the model's threshold.
    eligible
        ``features (n, n_features) -> mask`` of the events that may raise an alert.
    cooldown
        Shortest time between two alerts about the same entity (ms of event time).
    planted
        What the world plants, and how the alerts are judged by it.
    kinds
        The planted kinds that the alert should report; by default all.
    group
        The fact that alerts with one cause share, or ``noun`` for the repeated alerts on an entity;
        by default each alert stays alone. A value that is missing, empty or 0 is no group.
    grouped
        How many such alerts become one incident, and within which time.

    Raises
    ------
    UsageError
        If the group is none of the facts.
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
    group: str | None = None
    grouped: Grouped = Grouped()

    def __post_init__(self) -> None:
        _check_group(self)

    def risks(self, scores: Floats, features: Matrix) -> Floats:
        """Return the risk of each event, 0 where it is not eligible."""
        risk = self.risk(scores)
        return risk if self.eligible is None else np.where(self.eligible(features), risk, 0.0)


@dataclass(frozen=True, slots=True)
class EventRule:
    """An alert by a condition on an event and its features; it needs no model.

    Parameters
    ----------
    name
        ``large_reading``: the last part of the CloudEvents type.
    formula
        The rule in words.
    noun
        What the entity is called (``meter``).
    facts
        Columns of the trigger that the alert carries.
    condition
        ``(events, features) -> mask`` of the events that raise the alert, shape ``(n_events,)``.
        The features are columns by name, as the model gets them: float32, -1 where unknown. Pure.
    sentence
        ``facts -> what was seen``, in a few words for a person.
    severity
        ``warning`` or ``critical``.
    cooldown
        Shortest time between two alerts of this rule about the same entity (ms of event time).
    group, grouped
        As of an :class:`AlertRule`.

    Raises
    ------
    UsageError
        If the group is none of the facts.
    """

    name: str
    formula: str
    noun: str
    facts: tuple[str, ...]
    condition: Callable[[Events, Mapping[str, Matrix]], Mask]
    sentence: Callable[[Mapping[str, Any]], str]
    severity: Literal["warning", "critical"] = "warning"
    cooldown: int = 0
    group: str | None = None
    grouped: Grouped = Grouped()

    def __post_init__(self) -> None:
        _check_group(self)


def _check_group(rule: AlertRule | EventRule) -> None:
    if rule.group not in (None, rule.noun, *rule.facts):
        known = ", ".join((rule.noun, *rule.facts))
        raise UsageError(f"{rule.name} cannot be grouped by {rule.group!r}; it tells: {known}")


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How the model's accuracy is monitored, over events whose labels are final.

    Parameters
    ----------
    metric
        By its name in :data:`streamsim.streams.statistics.quality.METRICS`. ``accuracy``,
        ``precision`` and ``recall`` of scores need a threshold, as in ``precision@0.3``.
    threshold, margin, min_samples
        The accuracy is low below the threshold (above it, for an error) until it is better by the
        margin. With fewer events it is unknown.
    span, count
        The window: its length in event time (ms), and the most events in it.
    step
        The state is reported at every multiple of this (ms of event time).
    segment
        Column of the trigger by whose values it is measured apart, too.
    """

    metric: str
    threshold: float
    margin: float
    min_samples: int
    span: int
    step: int
    count: int = 250_000
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Alerting:
    """The alerts of a domain.

    Parameters
    ----------
    rule
        Alerts about its entities, from scores.
    accuracy
        Alerts about its model's accuracy.
    feeds
        Alerts about the feeds of its trigger, if they are monitored.
    event_rules
        Alerts about its entities, from single events.

    Raises
    ------
    UsageError
        If two rules about entities have the same name.
    """

    rule: AlertRule
    accuracy: Accuracy
    feeds: FeedWatch | None = None
    event_rules: tuple[EventRule, ...] = ()

    def __post_init__(self) -> None:
        if len(self.rule_names) < 1 + len(self.event_rules):
            raise UsageError("two alert rules have the same name")

    @property
    def entity_rules(self) -> tuple[AlertRule | EventRule, ...]:
        """The rules about entities: that of the model, then those of events."""
        return self.rule, *self.event_rules

    @property
    def rule_names(self) -> frozenset[str]:
        """Names of the rules about entities: that of the model and those of events."""
        return frozenset(rule.name for rule in self.entity_rules)
