"""Monitor: alerts, label join, rolling metric, and feeds that fall silent or surge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsim.streams.lazy import lazy_names

if TYPE_CHECKING:
    from streamsim.consumers.monitor.accuracy import track_accuracy as track_accuracy

__getattr__ = lazy_names(__name__, {"track_accuracy": "streamsim.consumers.monitor.accuracy"})
