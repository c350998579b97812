"""What goes into and comes out of a decision to learn anew. All times are event time (ms)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from streamsim.streams.events import NO_TIME
from streamsim.streams.spec.adapting import Trigger


@dataclass(frozen=True, slots=True)
class Signal:
    """A reason to learn anew.

    Attributes
    ----------
    at
        When it was noticed.
    cause
        Its reason in words.
    since
        From when on the events show it; ``None``: not known.
    """

    trigger: Trigger
    at: int
    cause: str
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """An order to learn anew. It is a function of the stream: made again, it is the same.

    Attributes
    ----------
    id
        Its number and the time of its decision.
    at
        When it was decided.
    since, until
        The model learns from events with ``since <= time < until``; ``since`` may be ``NO_TIME``.
    known_until
        It uses labels that were known before.
    without
        Periods of bad data, whose events are left out.
    attempt
        1, or 2 if the first attempt ended without an outcome.
    """

    id: str
    triggers: tuple[Trigger, ...]
    causes: tuple[str, ...]
    at: int
    since: int
    until: int
    known_until: int
    without: tuple[tuple[int, int], ...] = ()
    attempt: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Request:
        """Read it back."""
        named = dict(data)
        named["triggers"] = tuple(map(Trigger, data["triggers"]))
        named["causes"] = tuple(data["causes"])
        named["without"] = tuple((begin, end) for begin, end in data["without"])
        return cls(**named)


class Ended(StrEnum):
    """How a learning ended."""

    BETTER = "better"
    """The challenger has passed all gates."""
    REFUSED = "refused"
    """It has not."""
    FAILED = "failed"
    """There is no challenger: too few events, or labels of one class only."""
    DIED = "died"
    """The process ended without an outcome."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was decided and begins no learning, with its reason."""

    at: int
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Pending:
    """Signals that wait to be acted on, as one."""

    signals: tuple[Signal, ...]

    @property
    def at(self) -> int:
        """When the first one was noticed."""
        return min(signal.at for signal in self.signals)

    @property
    def since(self) -> int | None:
        """From when on the latest change shows; ``None`` if no signal says."""
        known = [signal.since for signal in self.signals if signal.since is not None]
        return max(known, default=None)


def request_id(number: int, at: int) -> str:
    """Return the id of a request.

    >>> request_id(3, 1_736_726_400_000)
    '3-20250113T000000'
    """
    text = str(np.datetime64(max(at, 0), "ms").astype("datetime64[s]"))
    return f"{number}-{text.replace('-', '').replace(':', '')}"


EVER = NO_TIME
"""As ``since`` of a request: from the first event on."""
