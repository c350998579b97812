"""Events before and after scoring: with features, and with the model's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamsim.consumers.predict.plans import Answering
from streamsim.streams.answers import Answers
from streamsim.streams.events import Events, Ints, Matrix
from streamsim.streams.signature import Signature

TrackedRows = tuple[Ints, Mapping[str, Any]]
"""Partitions and checkpoint rows of a tracker's keys."""


@dataclass(slots=True, eq=False)
class Prepared:
    """Events that are ready, with their features, shape ``(n_events, n_features)``."""

    events: Events
    features: Matrix
    lineage: list[dict[str, Any]] | None = None
    tracked: Mapping[str, TrackedRows] = field(default_factory=dict)
    """Per tracker, the state of the events' keys after them, as checkpoint rows."""
    rescored: bool = False
    """Whether the events have been scored before: then only corrected scores are published."""
    answering: Answering | None = None
    """The versions of the model that score them, ``None`` without one."""

    @property
    def signature(self) -> Signature | None:
        """Of the champion that scores them, ``None`` without one."""
        return None if self.answering is None else self.answering.champion


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Events with the model's answers.

    Attributes
    ----------
    answer
        One per event, each by its version, or ``None`` if there is no model.
    alerts
        The rows that raise an alert.
    without
        Answers to these rows with each feature group in turn set to its reference.
    shadow
        The shadow's answers, ``None`` if there is none or it did not answer.
    answering
        The versions that have answered, if a stand-in is among them.
    """

    prepared: Prepared
    answer: Answers | None
    alerts: Ints
    without: Answers
    shadow: Answers | None = None
    answering: Answering | None = None

    @property
    def by(self) -> Answering | None:
        """The versions that have answered, ``None`` without an answer."""
        if self.answer is None:
            return None
        return self.prepared.answering if self.answering is None else self.answering


def unscored(prepared: Prepared) -> Scored:
    """Return events without a model's answers."""
    return Scored(prepared, None, np.empty(0, np.int64), np.empty(0))
