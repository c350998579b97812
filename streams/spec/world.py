"""Simulated worlds: the events that their sources send, and their pace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints


class RowNote(NamedTuple):
    """What a dead letter must say of a row that its reader has doubts about.

    Attributes
    ----------
    found_at
        Where the row is: the name of its file, and the line in it.
    refused
        Why it cannot be an event; empty if the cleaner is to judge it.
    original
        Its bytes in the file, where the record has other ones.
    """

    found_at: str
    refused: str = ""
    original: bytes = b""


@dataclass(frozen=True, slots=True)
class Emission:
    """Events of one source, ready to be sent, in order of sending.

    Attributes
    ----------
    event_time
        When each happened (ms, shape ``(n,)``); the record's timestamp.
    clock
        The source's clock when it sends each (ms, not decreasing); in an ordered source it is the
        event time.
    keys, values
        The records' bytes.
    notes
        Notes about rows, ``None`` for a row without one; ``None`` in all if there are none.
    """

    source: str
    event_time: Ints
    clock: Ints
    keys: list[bytes | None]
    values: list[bytes]
    notes: Sequence[RowNote | None] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: slice | Ints) -> Emission:
        """Return some rows."""
        notes = self.notes
        if isinstance(rows, slice):
            keys, values = self.keys[rows], self.values[rows]
            notes = None if notes is None else notes[rows]
        else:
            picked = rows.tolist()
            keys, values = [self.keys[i] for i in picked], [self.values[i] for i in picked]
            notes = None if notes is None else [notes[i] for i in picked]
        return Emission(self.source, self.event_time[rows], self.clock[rows], keys, values, notes)


@dataclass(frozen=True, slots=True)
class Slice:
    """The events that sources send while their clocks are in ``[until - heartbeat, until)`` (ms).

    ``until`` is a multiple of the inputs' heartbeat.
    """

    until: int
    emissions: tuple[Emission, ...]


class World(Protocol):
    """A seeded world: the same seed and options give the same bytes."""

    def slices(self) -> Iterator[Slice]:
        """Yield the events without end, one heartbeat of event time at a time."""
        ...


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """The simulated world of a domain.

    Parameters
    ----------
    make
        ``(seed, options) -> World``.
    epoch
        Beginning of its event time (ms).
    options
        Its options with their defaults.
    days_per_minute
        Event days that pass in one minute of a demonstration.
    demo
        Options of a demonstration that differ: a change, say, that its model adapts to.

    Raises
    ------
    UsageError
        If its pace is not positive, or a demonstration has an unknown option.
    """

    make: Callable[[int, Mapping[str, float]], World]
    epoch: int
    options: Mapping[str, float] = field(default_factory=dict)
    days_per_minute: float = 20.0
    demo: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.days_per_minute > 0:
            raise UsageError(f"days_per_minute must be positive, not {self.days_per_minute}")
        if unknown := set(self.demo) - set(self.options):
            raise UsageError(f"the world has no option {', '.join(sorted(unknown))}")
