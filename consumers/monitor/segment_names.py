"""Segments: the values of a column by which a model's accuracy is measured apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xxhash import xxh3_64_intdigest

from streamsim.streams.events import Events, Ints

MOST = 500
OTHER, UNKNOWN = "other", "unknown"
"""Names of all segments beyond the first ones of a partition, and of events without a value."""


def name_code(name: str) -> int:
    """Return a 64-bit hash of the name of a version or a segment."""
    return int(np.uint64(xxh3_64_intdigest(name.encode())).view(np.int64))


def segment_name(value: object) -> str:
    """Return the name of the segment of a column's value.

    >>> segment_name("north"), segment_name(7), segment_name(None)
    ('north', '7', 'unknown')
    """
    return UNKNOWN if value is None else str(value)


class SegmentNames:
    """The segments that each partition has met, by name and code.

    Parameters
    ----------
    field
        Column of the events; ``None``: there are no segments.
    """

    def __init__(self, field: str | None, partitions: int) -> None:
        self._field = field
        self._known: list[dict[str, int]] = [{} for _ in range(partitions)]
        self._codes: list[dict[object, int]] = [{} for _ in range(partitions)]
        """Of the values that were met: to make a name of each would take most of the time."""

    def codes(self, events: Events) -> Ints | int:
        """Return the code of each event's segment, and remember the names of new ones."""
        if self._field is None:
            return 0
        places = zip(events.partition.tolist(), events.columns[self._field].tolist(), strict=True)
        found = []
        for p, value in places:
            code = self._codes[p].get(value)
            found.append(self._code(p, value) if code is None else code)
        return np.array(found, np.int64)

    def _code(self, p: int, value: object) -> int:
        """Return the code of a value's segment, and remember the name if it is new."""
        known, name = self._known[p], segment_name(value)
        if name not in known and len(known) >= MOST:
            name = OTHER
        code = known.setdefault(name, name_code(name))
        if len(self._codes[p]) < MOST:
            self._codes[p][value] = code
        return code

    def among(self, partition: int, codes: Ints) -> list[str]:
        """Return the names of the segments with these codes."""
        present = set(codes.tolist())
        return [name for name, code in self._known[partition].items() if code in present]

    def of(self, partition: int) -> list[str]:
        """Return all names of a partition, for a checkpoint."""
        return list(self._known[partition])

    def restore(self, partition: int, names: Sequence[str]) -> None:
        """Restore the names of a partition."""
        self._known[partition] = {name: name_code(name) for name in names}
