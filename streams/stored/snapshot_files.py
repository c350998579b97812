"""Snapshot files: what a reader of topics remembers, and the offsets at which it goes on.

Records before these offsets may be deleted. They stand in a small file of their own, which is
written after the snapshot: they are never ahead of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import orjson

from streamsim.streams.events import Ints
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.packing import Columns, pack, unpack

Positions: TypeAlias = Mapping[tuple[str, int], int]
"""Topic and partition to the offset of the next record to read."""


def learner_file(folder: Path, spec: DomainSpec) -> Path:
    """Return the file of what the renewal of a domain's model has learnt."""
    return folder / f"{spec.name}.learner"


def life_file(folder: Path, spec: DomainSpec) -> Path:
    """Return the file of what the life of a domain's model remembers."""
    return folder / f"{spec.name}.life"


def rows_file(folder: Path, spec: DomainSpec) -> Path:
    """Return the file of the newest rows of features of a domain's entities."""
    return folder / f"{spec.name}.rows"


def save_snapshot(path: Path, columns: Columns, positions: Positions) -> None:
    """Write a snapshot and its positions, each atomically.

    Raises
    ------
    OSError
        If one could not be written; the files of before are then still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [[*place, offset] for place, offset in positions.items()]
    _replace(path, pack({**columns, "positions": [orjson.dumps(row).decode() for row in rows]}))
    _replace(_positions_file(path), orjson.dumps(rows))


def load_snapshot(path: Path) -> tuple[dict[str, Ints | list[str]], Positions] | None:
    """Read a snapshot and its positions; ``None`` if there is none.

    Raises
    ------
    PackingError
        If the file is no snapshot.
    """
    try:
        columns = unpack(path.read_bytes())
    except FileNotFoundError:
        return None
    rows = (orjson.loads(text) for text in columns.pop("positions"))
    return columns, {(topic, partition): offset for topic, partition, offset in rows}


def saved_positions(path: Path) -> Positions:
    """Return the positions of the last snapshot; nothing if there is none that can be read."""
    try:
        rows = orjson.loads(_positions_file(path).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return {(topic, partition): offset for topic, partition, offset in rows}


def _positions_file(path: Path) -> Path:
    return path.with_name(path.name + ".positions.json")


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_name("." + path.name)
    draft.write_bytes(data)
    draft.replace(path)
