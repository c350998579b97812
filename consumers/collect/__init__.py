"""Collect: read record headers, advance the sources' clocks, merge files by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsim.streams.lazy import lazy_names

if TYPE_CHECKING:
    from streamsim.consumers.collect.merged import merge_sources as merge_sources

__getattr__ = lazy_names(__name__, {"merge_sources": "streamsim.consumers.collect.merged"})
