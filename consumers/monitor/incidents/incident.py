"""What an incident is: a cause, the signals about it, and what has happened to it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum

from streamsim.streams.errors import UsageError
from streamsim.streams.spec import DAY


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """What an incident is about; a cause has at most one open incident.

    Parameters
    ----------
    rule
        ``suspected_leak``, ``drift``, ``low_accuracy``.
    subject
        In words, with its noun: ``model water-leak``, ``feature litres``, ``street 12``.
    """

    domain: str
    rule: str
    subject: str


@dataclass(frozen=True, slots=True)
class Members:
    """Entities, or alerts on one entity, that an incident is made of.

    Parameters
    ----------
    noun
        What one of them is called (``meter``).
    count
        How many different ones there have been since the incident began.
    newest
        The latest of them, newest first.
    """

    noun: str
    count: int
    newest: tuple[str, ...]

    @property
    def text(self) -> str:
        """Count and noun.

        >>> Members("meter", 1_400, ()).text, Members("meter", 1, ("m1",)).text
        ('1,400 meters', '1 meter')
        """
        return f"{self.count:,} {self.noun}{'' if self.count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Signal:
    """What a detector says of one cause at one step.

    A signal may be neither bad nor good: within the margin, or unknown.

    Parameters
    ----------
    at
        Event time (ms).
    is_bad, is_good
        Beyond the bound; better than the bound by the margin.
    value, bound
        The figure, and what it is compared with.
    text
        The same in a few words for a person (``average precision 0.41, below 0.5``).
    samples
        How many events the figure is of; ``None`` if it needs no minimum.
    is_severe
        Beyond the hard bound: one step is enough to open an incident.
    since
        When what is bad began (ms), by default ``at``.
    events
        How many bad steps or alerts the signal stands for.
    members
        All that the incident is made of so far, if it groups alerts.

    Raises
    ------
    ValueError
        If it is both bad and good, or severe and not bad, or bad without a figure.
    """

    cause: Cause
    at: int
    is_bad: bool
    is_good: bool
    value: float
    bound: float
    text: str
    samples: int | None = None
    is_severe: bool = False
    since: int | None = None
    events: int = 1
    members: Members | None = None

    def __post_init__(self) -> None:
        if self.is_bad and self.is_good:
            raise ValueError(f"{self.cause}: a signal cannot be bad and good")
        if self.is_severe and not self.is_bad:
            raise ValueError(f"{self.cause}: a severe signal is bad")
        if self.is_bad and (math.isnan(self.value) or math.isnan(self.bound)):
            raise ValueError(f"{self.cause}: a bad signal needs a figure and a bound")

    @property
    def excess(self) -> float:
        """How far the figure is from its bound."""
        return abs(self.value - self.bound)


class State(StrEnum):
    """Whether an incident is over."""

    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident, as it was at one moment.

    Attributes
    ----------
    since
        When what is bad began (ms): the first of the bad steps that opened the incident.
    opened_at, last_at, resolved_at
        When it opened, was last bad, and was resolved (ms; ``None`` while it is open).
    opened_by, latest
        The bad signal that opened it, and the latest bad one.
    count
        Bad steps, or alerts, since it began.
    worst
        The figure that was farthest beyond its bound.
    """

    cause: Cause
    since: int
    opened_at: int
    opened_by: Signal
    latest: Signal
    count: int
    worst: float
    last_at: int
    resolved_at: int | None = None

    @property
    def state(self) -> State:
        """Whether it is over."""
        return State.OPEN if self.resolved_at is None else State.RESOLVED

    @property
    def members(self) -> Members | None:
        """What it is made of, if it groups alerts."""
        return self.latest.members

    @property
    def id(self) -> str:
        """Identifier, made of the cause and the opening time: the same after a replay.

        >>> cause = Cause("water", "drift", "feature litres")
        >>> signal = Signal(cause, 5, True, False, 0.3, 0.2, "0.3, above 0.2")
        >>> Incident(cause, 5, 5, signal, signal, 1, 0.3, 5).id
        'b5e43e976067f612'
        """
        parts = (*(getattr(self.cause, n) for n in Cause.__slots__), str(self.opened_at))
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


class Turn(StrEnum):
    """What happens to an incident."""

    OPENED = "opened"
    RENOTIFIED = "renotified"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Change:
    """An incident that has opened, is still open after a while, or is resolved; when (ms).

    Attributes
    ----------
    by
        The signal that resolved it.
    """

    turn: Turn
    at: int
    incident: Incident
    by: Signal | None = None


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """When an incident opens, is told again, and is resolved.

    Parameters
    ----------
    bad_steps
        Opens after this many bad steps in a row, or after one severe step.
    good_steps
        Resolved after this many good steps in a row.
    min_samples
        A signal of fewer events changes nothing.
    renotify
        While open, it is told again after this time (ms of event time).

    Raises
    ------
    UsageError
        If a number cannot be.
    """

    bad_steps: int = 2
    good_steps: int = 3
    min_samples: int = 30
    renotify: int = DAY

    def __post_init__(self) -> None:
        for name in ("bad_steps", "good_steps", "renotify"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 at least, not {getattr(self, name)}")
        if self.min_samples < 0:
            raise UsageError(f"min_samples cannot be negative, as {self.min_samples} is")
