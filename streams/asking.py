"""Ask a third party about entities as they are seen, and have its answers as events.

Answers are events, not calls: what a pipeline met is on a topic, and a replay meets it again,
whatever the third party says by then. A question goes out when an entity is first seen, or its
answer has grown old; nobody waits for it. What has come by the next heartbeat counts from the
moment of the question, what comes later from then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson

from streams.codec import encode_objects, format_times
from streams.spec import DomainSpec
from streams.world import AskMap, Emission, Slice


class Said(NamedTuple):
    """What came back: about whom, when it was asked (ms), and what is said."""

    entity: str
    asked_at: int
    what: Any


class ThirdParty(Protocol):
    """Whoever is asked."""

    def learn(self, facts: Sequence[Any]) -> None:
        """Be told what has happened; only a world's stand-in is."""
        ...

    def ask(self, entity: str, at_ms: int) -> None:
        """Take a question; never wait."""
        ...

    def answers(self) -> Sequence[Said]:
        """Return what has come since the last call; wait for a declared bound at the most."""
        ...


def with_answers(
    spec: DomainSpec, ask: AskMap, slices: Iterable[Slice], party: ThirdParty
) -> Iterator[Slice]:
    """Ask about the entities of the trigger's events, and add the answers to later slices.

    An answer's ``event_time`` is when it was asked, and ``asked_at`` too, unless it comes after
    the next heartbeat: then its event time is when it came.
    """
    asked: dict[str, int] = {}
    recent: set[str] = set()
    clock = spec.timeline.epoch
    for piece in slices:
        answers = _emission(ask, party.answers(), recent, clock)
        facts = [e for e in piece.emissions if e.source == ask.facts]
        told = [orjson.loads(value) for emission in facts for value in emission.values]
        if told:
            party.learn(told)
        recent = set()
        for emission in piece.emissions:
            if emission.source == spec.trigger.name:
                for key, at in zip(emission.keys, emission.clock.tolist(), strict=True):
                    entity = key.decode(errors="replace") if key else None
                    if entity and at >= asked.get(entity, at):
                        asked[entity] = at + ask.ttl
                        recent.add(entity)
                        party.ask(entity, at)
        others = (e for e in piece.emissions if e.source != ask.facts)
        yield Slice(piece.until, (*others, answers))
        clock = piece.until
    last = _emission(ask, party.answers(), recent, clock)
    if len(last):
        yield Slice(clock + spec.timeline.heartbeat, (last,))


def _emission(ask: AskMap, said: Sequence[Said], recent: set[str], clock: int) -> Emission:
    """Write answers as events, in order of time; all are sent at a moment of the clock (ms)."""
    # A question may have been put again before its answer came.
    rows = sorted(
        ((s.asked_at if s.entity in recent else clock, *s) for s in said), key=lambda row: row[:3]
    )
    bodies = [dict(ask.event(entity, what, at)) for _, entity, at, what in rows]
    time = np.array([row[0] for row in rows], np.int64)
    names = bodies[0] if bodies else {}
    values = encode_objects(
        {
            "event_id": [f"{ask.source}-{entity}-{at}" for _, entity, at, _ in rows],
            "event_time": format_times(time),
            "asked_at": format_times(np.array([row[2] for row in rows], np.int64)),
            **{name: [body[name] for body in bodies] for name in names},
        }
    )
    keys: list[bytes | None] = [entity.encode() for _, entity, _, _ in rows]
    return Emission(ask.source, time, np.full(len(rows), clock), keys, values if bodies else [])
