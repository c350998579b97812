"""Which faults there are, and which a seed plants when."""

from __future__ import annotations

import random
from dataclasses import dataclass

from streamsim.benchmarks.fault_injection.proxy import WAYS


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Parameters
    ----------
    name
        One of :data:`FAULTS`.
    at_s
        Seconds after the first scores.
    lasts_s
        How long it goes on, or each time of one that comes twice; 0 for one that is over at once.
    """

    name: str
    at_s: float
    lasts_s: float


FROZEN_TWICE = "worker frozen twice"
GONE_A_MINUTE = "service gone for a minute"
FAULTS: dict[str, tuple[float, float]] = {
    "worker killed": (0, 0),
    "worker frozen": (1, 12),
    FROZEN_TWICE: (4, 9),  # missed after the session time-out (6 s), or just not
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
"""Name to the shortest and the longest time that it lasts (s)."""
RESTARTED = "broker restarted"
"""Only for a broker that keeps what it has on disk; the embedded one ends the run with it."""


def needs_proxy(name: str) -> bool:
    """Say whether a fault is one of the service behind a proxy."""
    return way_of(name) is not None


def way_of(name: str) -> str | None:
    """Return how the service misbehaves in a fault, if a proxy makes it do so.

    >>> way_of("service slow"), way_of(GONE_A_MINUTE), way_of("service killed")
    ('slow', 'gone', None)
    """
    if name == GONE_A_MINUTE or "service is gone" in name:
        return "gone"
    return next((way for way in WAYS if name == f"service {way}"), None)


def plan(seed: int, *, durable: bool = False) -> Fault:
    """Choose a fault: each in turn, its moment and length by chance.

    Parameters
    ----------
    durable
        Whether the broker can be restarted.

    >>> plan(3) == plan(3), plan(3).name != plan(4).name
    (True, True)
    """
    names = [*FAULTS, *[RESTARTED] * durable]
    return make_fault(names[seed % len(names)], seed)


def make_fault(name: str, seed: int) -> Fault:
    """Choose moment and length of a fault by chance."""
    draw = random.Random(f"{name}:{seed}")
    low, high = FAULTS.get(name, (0, 0))
    return Fault(name, round(draw.uniform(0.5, 4), 2), round(draw.uniform(low, high), 2))
