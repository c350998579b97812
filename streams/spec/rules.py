"""When a domain warns: about its entities, its model's accuracy and its feeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from streamsim.streams.events import Floats, Mask, Matrix
from streamsim.streams.spec.feed_watch import FeedWatch


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
        ``suspected_leak``: the last part of the CloudEvents type.
    formula
        The rule in words.
    noun
        What the entity is called (``meter``).
    facts
        Columns of the trigger that the alert carries, beside what is estimated.
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
        By its name in :data:`streamsim.streams.statistics.quality.METRICS`.
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
class Alerting:
    """What a domain raises alerts about.

    Parameters
    ----------
    rule
        Alerts about its entities, from scores.
    accuracy
        Alerts about its model.
    feeds
        Alerts about the feeds that meet in its trigger, if they are watched.
    """

    rule: AlertRule
    accuracy: Accuracy
    feeds: FeedWatch | None = None
