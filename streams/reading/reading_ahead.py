"""Reading ahead: work on the events of many slices at once.

A slice of a file may hold an event or two. What is done once per call, such as reading JSON, then
takes longer than what is done per event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streamsim.streams.spec.world import Slice

EVENTS = 1_000
"""So many events make a group."""
SLICES = 256


def in_groups(slices: Iterable[Slice], most: int = SLICES) -> Iterator[list[Slice]]:
    """Yield slices in groups of about ``EVENTS`` events, and ``most`` slices at most.

    Behind a source that is asked while events are sent ``most`` must be 1, or it is asked early.
    """
    group: list[Slice] = []
    count = 0
    for piece in slices:
        group.append(piece)
        count += sum(map(len, piece.emissions))
        if count >= EVENTS or len(group) >= most:
            yield group
            group, count = [], 0
    if group:
        yield group
