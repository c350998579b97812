"""Events that are ready to be scored, with their features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamsim.streams.answers import Answers
from streamsim.streams.events import Events, Ints, Matrix
from streamsim.streams.signature import Signature

TrackedRows = tuple[Ints, Mapping[str, Any]]
"""Partitions and rows of the keys that a tracker has followed."""


@dataclass(slots=True, eq=False)
class Prepared:
    """Events that are ready, with their features, shape ``(n_events, n_features)``."""

    events: Events
    features: Matrix
    lineage: list[dict[str, Any]] | None = None
    tracked: Mapping[str, TrackedRows] = field(default_factory=dict)
    """Per tracker, what the events' keys have come to with them, as it is written down."""
    rescored: bool = False
    """They have been scored before, and only their scores are put out again."""
    signature: Signature | None = None
    """Of the model that is to score them, ``None`` without one."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Events with the model's answers.

    Attributes
    ----------
    answer
        One per event, or ``None`` if there is no model.
    alerts
        The rows that raise an alert.
    without
        Answers to these rows with one feature group after the other set to what is usual.
    """

    prepared: Prepared
    answer: Answers | None
    alerts: Ints
    without: Answers


def unscored(prepared: Prepared) -> Scored:
    """Return events that no model answers."""
    return Scored(prepared, None, np.empty(0, np.int64), np.empty(0))
