"""The input stream of a domain: slices of its world or of files, with context and answers added.

Producers send it, training learns from it, tests replay it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from streamsim.simulator.reach import Reach
from streamsim.streams.settings import Settings
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.spec.world import Slice


def file_slices(spec: DomainSpec, path: Path, settings: Settings | None = None) -> Iterator[Slice]:
    """Yield the slices of the known files at a path, merged, with context and answers added.

    Parameters
    ----------
    settings
        Addresses of the database and the third parties. Without it, everything is in this process.
    """
    from streamsim.producers.file_kinds import find_files, names_of
    from streamsim.producers.files import FileSource, together

    found = find_files(spec.inputs, path)
    names = names_of([file for file, _ in found], path)
    files = (
        FileSource(spec.inputs, *one, spec.longest_delay, name).slices()
        for one, name in zip(found, names, strict=True)
    )
    return Reach(settings, path).with_context(spec, together(files))


def with_columns(spec: DomainSpec, path: Path | None) -> DomainSpec:
    """Return a domain whose files are those that a column map tells; itself without one.

    Raises
    ------
    UsageError
        If the map cannot be read, or does not fit the domain.
    """
    if path is None:
        return spec
    from streamsim.streams.tables.column_map import read_column_map

    told = read_column_map(path, spec.inputs, spec.labels.delay)
    return replace(spec, inputs=replace(spec.inputs, files=(replace(told, strict=True),)))


def world_slices(
    spec: DomainSpec,
    seed: int,
    options: Mapping[str, float],
    days: float | None = None,
    progress: Callable[[float], None] = lambda done: None,
    settings: Settings | None = None,
) -> Iterator[Slice]:
    """Yield the first days of a world, or the endless world; see :func:`file_slices`."""
    start = spec.world.epoch
    end = start + (1 << 60 if days is None else int(days * DAY))
    world = spec.world.make(seed, options).slices()
    for piece in Reach(settings).with_context(spec, world):
        if piece.until > end:
            return
        progress((piece.until - start) / (end - start))
        yield piece
