"""Segments of the embedded broker's data: files, each with a stretch of one partition's records.

The broker deletes whole segments: records before an offset take their room until the last record of
their segment is deleted, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

BLOCK = 512
"""Unit of ``st_blocks`` (bytes)."""
SHARE = 4
"""A partition's newest segment is never deleted: all of these together take a quarter at most."""
SMALLEST, LARGEST = 64 << 10, 64 << 20
"""Bounds of a segment's size (bytes)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that the broker does not write to any more.

    Attributes
    ----------
    until
        Offset of the first record after it.
    size
        Its bytes on disk.
    written
        When it was last written to (s since 1970).
    """

    topic: str
    partition: int
    until: int
    size: int
    written: float


def segment_bytes(budget: int, partitions: int) -> int:
    """Return the size of segments for a budget (bytes) of all partitions.

    >>> segment_bytes(2 << 30, 64) >> 20
    8
    """
    return min(max(budget // SHARE // max(partitions, 1), SMALLEST), LARGEST)


def read_segments(data: Path) -> tuple[list[Segment], int]:
    """Return the closed segments in a broker's data folder, and the bytes of the whole folder."""
    found: list[Segment] = []
    total = 0
    for folder in _folders(data / "partitions"):
        sizes: defaultdict[int, int] = defaultdict(int)
        written: dict[int, float] = {}
        for file in _files(folder):
            with suppress(OSError):  # the broker may delete it meanwhile
                status = file.stat()
                total += (size := status.st_blocks * BLOCK)
                if file.suffix in (".dat", ".idx") and file.stem.isdigit():
                    sizes[int(file.stem)] += size
                    if file.suffix == ".dat":
                        written[int(file.stem)] = status.st_mtime
        topic, _, partition = folder.name.rpartition("-")
        bases = sorted(written)
        found += [
            Segment(topic, int(partition), until, sizes[base], written[base])
            for base, until in pairwise(bases)
        ]
    for file in _files(data):
        with suppress(OSError):
            total += file.stat().st_blocks * BLOCK
    return found, total


def _folders(path: Path) -> Iterable[Path]:
    return (one for one in sorted(path.iterdir()) if one.is_dir()) if path.is_dir() else ()


def _files(path: Path) -> Iterable[Path]:
    return [one for one in path.iterdir() if one.is_file()] if path.is_dir() else ()
