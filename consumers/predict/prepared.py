"""Events that are ready to be scored, with their features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamsim.streams.events import Events, Matrix
from streamsim.streams.signature import Signature


@dataclass(slots=True, eq=False)
class Prepared:
    """Events that are ready, with their features, shape ``(n_events, n_features)``."""

    events: Events
    features: Matrix
    lineage: list[dict[str, Any]] | None = None
    tracked: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Per tracker, what the events' keys have come to with them, as it is written down."""
    recalled: bool = False
    """They have been scored before, and only their scores are put out again."""
    signature: Signature | None = None
    """Of the model that is to score them, ``None`` without one."""
