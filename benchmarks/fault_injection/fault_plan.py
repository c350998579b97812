"""The faults to inject: kinds, durations, and the choice by seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from streamsim.benchmarks.fault_injection.broker_faults import (
    FAILS_A_PARTITION,
    FROZEN,
    KILLED,
    LEADS_NOTHING,
    REFUSES,
    SLOW,
)
from streamsim.benchmarks.fault_injection.proxy import WAYS
from streamsim.streams.settings import EMBEDDED


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
    FROZEN_TWICE: (7, 12),  # shorter or longer than the session time-out (10 s)
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
    KILLED: (0, 0),
    FROZEN: (1, 6),
    REFUSES: (2, 6),
    SLOW: (2, 6),
    LEADS_NOTHING: (2, 6),
    FAILS_A_PARTITION: (2, 6),
}
"""Name to the shortest and the longest duration (s)."""
EMBEDDED_ONLY = frozenset({SLOW, LEADS_NOTHING, FAILS_A_PARTITION})
"""A single healthy Apache Kafka cannot be made to answer so."""


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


def faults_of(broker: str) -> list[str]:
    """Return the names of the faults that can be injected on a kind of broker."""
    return [name for name in FAULTS if broker == EMBEDDED or name not in EMBEDDED_ONLY]


def choose_fault(seed: int, broker: str = EMBEDDED) -> Fault:
    """Choose a fault by seed: each kind in turn, with a random start and duration.

    >>> choose_fault(3) == choose_fault(3), choose_fault(3).name != choose_fault(4).name
    (True, True)
    """
    names = faults_of(broker)
    return named_fault(names[seed % len(names)], seed)


def named_fault(name: str, seed: int) -> Fault:
    """Return the fault of a name, with a random start and duration."""
    draw = random.Random(f"{name}:{seed}")
    low, high = FAULTS[name]
    return Fault(name, round(draw.uniform(0.5, 4), 2), round(draw.uniform(low, high), 2))
