"""Snapshots in tests: state that is written down and read again, as after a restart."""

from __future__ import annotations

from typing import Any, TypeVar

from streamsim.consumers.state.store import Parts
from streamsim.streams.stored.packing import pack, unpack

T = TypeVar("T")


def restored(empty: T, state: Any) -> T:
    """Return an empty state of the same kind, restored from the other's snapshot."""
    own: Any = empty
    own.restore(Parts([unpack(pack(state.snapshot()))]))
    return empty
