"""Segments: the values of a column by which a model's accuracy is measured apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xxhash import xxh3_64_intdigest

from streamsim.streams.events import Events, Ints

MOST = 500
OTHER = "other"
"""Name of all segments beyond the first ones of a partition."""


def name_code(name: str) -> int:
    """Return a 64-bit hash of the name of a version or a segment."""
    return int(np.uint64(xxh3_64_intdigest(name.encode())).view(np.int64))


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

    def codes(self, events: Events) -> Ints | int:
        """Return the code of each event's segment, and remember the names of new ones."""
        if self._field is None:
            return 0
        names = map(str, events.columns[self._field].tolist())
        codes = []
        for p, name in zip(events.partition.tolist(), names, strict=True):
            known = self._known[p]
            code = known.get(name)
            if code is None:
                name = name if len(known) < MOST else OTHER
                code = known.setdefault(name, name_code(name))
            codes.append(code)
        return np.array(codes, np.int64)

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
