"""Training period: the part of a user's file that a model learns from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamsim.simulator.domain_stream import file_slices
from streamsim.streams.codec import LAST_TIME, format_times, parse_times
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME, Ints
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.spec.world import Slice


@dataclass(frozen=True, slots=True)
class Period:
    """A period of event time to learn from.

    Attributes
    ----------
    since, until
        The model learns from events with ``since <= event time < until`` (ms).
    known
        It uses the labels that are known by then (ms). Events from then on are new to it.
    """

    since: int
    until: int
    known: int


def between(spec: DomainSpec, since: int, until: int) -> Period:
    """Return the period of all events between two times (ms), with all of their labels."""
    return Period(since, until, min(until + spec.labels.delay, LAST_TIME))


def first_part(spec: DomainSpec, path: Path, size: str) -> Period:
    """Return the period that ends with the first part of a file's events, in order of time.

    Only what was known at its end is used: events whose label may still come are left out.

    Parameters
    ----------
    size
        A share of the events, ``70%``, or their number, ``50000``.

    Raises
    ------
    UsageError
        If the size is neither, the file has no more events, or no label is known in time.
    """
    times = np.sort(event_times(spec, path))
    count = _count(size, len(times))
    if not 0 < count < len(times):
        raise UsageError(f"--first {size}: {path.name} has {len(times):,} events")
    end = int(times[count])
    until = end - spec.labels.delay
    if until <= times[0]:
        days = spec.labels.delay / DAY
        raise UsageError(
            f"--first {size}: these events span {(end - int(times[0])) / DAY:.3g} days, and labels "
            f"of {spec.name} are final after {days:g} days: no label is known by then"
        )
    return Period(NO_TIME, until, end)


def event_times(spec: DomainSpec, path: Path) -> Ints:
    """Return the times of all events of a file that are to be scored (ms)."""
    trigger = spec.trigger.name
    parts = [
        emission.event_time
        for piece in file_slices(spec, path)
        for emission in piece.emissions
        if emission.source == trigger
    ]
    times: Ints = np.concatenate([np.empty(0, np.int64), *parts])
    known: Ints = times[times != NO_TIME]
    return known


def up_to(
    slices: Iterable[Slice], time: int, progress: Callable[[float], None] = lambda done: None
) -> Iterator[Slice]:
    """Yield slices until one ends at a time (ms) or after it.

    Parameters
    ----------
    progress
        Called with the share of the time that has passed.
    """
    first = None
    for piece in slices:
        yield piece
        first = piece.until if first is None else first
        progress(min(1.0, (piece.until - first) / max(1, time - first)))
        if piece.until >= time:
            return


def parse_day(text: str) -> int:
    """Return the time of a date or an RFC 3339 instant (ms).

    >>> parse_day("2018-07-25")
    1532476800000

    Raises
    ------
    UsageError
        If the text is neither.
    """
    full = text if "T" in text else f"{text}T00:00:00Z"
    time = int(parse_times([full])[0])
    if time < 0:
        raise UsageError(f"not a date like 2018-07-25: {text!r}")
    return time


def spelled(time: int) -> str:
    """Write a time (ms) as an RFC 3339 instant.

    >>> spelled(parse_day("2018-07-25"))
    '2018-07-25T00:00:00.000Z'
    """
    return str(format_times(np.array([time]))[0])


def _count(size: str, whole: int) -> int:
    """Return the number of events of a part.

    >>> _count("70%", 200), _count("50", 200)
    (140, 50)
    """
    number = size.removesuffix("%")
    try:
        value = float(number) if number != size else int(number)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf or (number != size and value >= 100):
        raise UsageError(f"--first takes a share like 70% or a number of events, not {size!r}")
    return int(whole * value / 100) if number != size else int(value)
