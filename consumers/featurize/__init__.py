"""Featurize: event-time windows per key, as-of joins, global tables, numbers and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsim.streams.lazy import lazy_names

if TYPE_CHECKING:
    from streamsim.consumers.featurize.extraction import extract_features as extract_features

__getattr__ = lazy_names(__name__, {"extract_features": "streamsim.consumers.featurize.extraction"})
