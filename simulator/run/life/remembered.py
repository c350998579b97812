"""What the life of a model remembers, in a file of the run's folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import StackError, StateError
from streamsim.streams.stored.snapshot_files import Positions, load_snapshot, save_snapshot

log = logging.getLogger(__name__)
STATE = "state"


def remember(file: Path, columns: Columns, state: Mapping[str, Any], places: Positions) -> None:
    """Write columns, and a state of JSON types, with the offsets at which reading goes on.

    A file that cannot be written is told; the one of before is still there.
    """
    content: Columns = {**columns, STATE: [orjson.dumps(state).decode()]}
    try:
        save_snapshot(file, content, places)
    except OSError as error:
        log.warning("%s is not written: %s", file, error.strerror)


def remembered(file: Path) -> tuple[Parts, dict[str, Any], dict[tuple[str, int], int]] | None:
    """Read it back; ``None`` if there is none.

    Raises
    ------
    StackError
        If it cannot be read.
    """
    try:
        found = load_snapshot(file)
        if found is None:
            return None
        columns, positions = found
        parts = Parts([columns])
        return parts, dict(orjson.loads(parts.texts(STATE)[0])), dict(positions)
    except (StateError, KeyError, ValueError, IndexError, TypeError, OSError) as error:
        raise StackError(f"{file} cannot be read: {error!r}") from error
