"""The faults to inject: kinds, durations, and the choice by seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from streamsim.benchmarks.fault_injection.proxy import WAYS


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to inject.

    Parameters
    ----------
    name
        One of :data:`FAULTS`.
    at_s
        Seconds after the first scores.
    lasts_s
        Duration of the fault (of each occurrence, if it occurs twice); 0 for an instant one.
    """

    name: str
    at_s: float
    lasts_s: float


FROZEN_TWICE = "worker frozen twice"
GONE_A_MINUTE = "service gone for a minute"
FAULTS: dict[str, tuple[float, float]] = {
    "worker killed": (0, 0),
    "worker frozen": (1, 12),
    FROZEN_TWICE: (4, 9),  # shorter or longer than the session time-out (6 s)
    "worker joins": (0, 0),
    "worker joins and leaves": (4, 8),
    "worker joins and another is killed": (4, 8),
    "worker stopped": (0, 0),
    "producer killed": (0, 0),
    "producer frozen": (1, 5),
    "service killed": (0, 0),
    "service frozen": (1, 5),
    **{f"service {way}": (2, 8) for way in WAYS},
    GONE_A_MINUTE: (60, 60),
    "worker killed while the service is gone": (8, 12),
    "poison": (0, 0),
}
"""Name to the shortest and the longest duration (s)."""
RESTARTED = "broker restarted"
"""Only on a broker with data on disk; if the embedded broker ends, so does the run."""


def needs_proxy(name: str) -> bool:
    """Return whether a fault needs a proxy in front of the model service."""
    return way_of(name) is not None


def way_of(name: str) -> str | None:
    """Return the proxy's misbehaviour in a fault, ``None`` if the fault needs no proxy.

    >>> way_of("service slow"), way_of(GONE_A_MINUTE), way_of("service killed")
    ('slow', 'gone', None)
    """
    if name == GONE_A_MINUTE or "service is gone" in name:
        return "gone"
    return next((way for way in WAYS if name == f"service {way}"), None)


def choose_fault(seed: int, *, durable: bool = False) -> Fault:
    """Choose a fault by seed: each kind in turn, with a random start and duration.

    Parameters
    ----------
    durable
        Whether the broker can be restarted.

    >>> choose_fault(3) == choose_fault(3), choose_fault(3).name != choose_fault(4).name
    (True, True)
    """
    names = [*FAULTS, *[RESTARTED] * durable]
    return named_fault(names[seed % len(names)], seed)


def named_fault(name: str, seed: int) -> Fault:
    """Return the fault of a name, with a random start and duration."""
    draw = random.Random(f"{name}:{seed}")
    low, high = FAULTS.get(name, (0, 0))
    return Fault(name, round(draw.uniform(0.5, 4), 2), round(draw.uniform(low, high), 2))
