"""Ask third parties about entities as they are seen, and turn their answers into events.

An answer is an event on a topic, so that a replay meets the same answers, whatever the third party
says by then. An entity is asked about when it is first seen, and again when its answer has grown
old. The stream goes on meanwhile: an answer that has come by the next heartbeat counts from the
moment of the question, a later one from when it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.third_parties import ThirdPartySpec
from streamsim.streams.spec.world import Emission, Slice


class Said(NamedTuple):
    """What came back: about whom, when it was asked (ms), and what is said."""

    entity: str
    asked_at: int
    what: Any


class Client(Protocol):
    """Asks one third party."""

    def learn(self, facts: Sequence[Any]) -> None:
        """Tell it what has happened in a world; only a stand-in is told."""
        ...

    def ask(self, entity: str, at_ms: int) -> None:
        """Take a question; never wait."""
        ...

    def answers(self) -> Sequence[Said]:
        """Return what has come since the last call; wait for a declared bound at the most."""
        ...


def with_answers(
    spec: DomainSpec, party: ThirdPartySpec, slices: Iterable[Slice], client: Client
) -> Iterator[Slice]:
    """Ask about the entities of the trigger's events, and add the answers to later slices.

    An answer's ``event_time`` is when it was asked, and ``asked_at`` too, unless it comes after
    the next heartbeat: then its event time is when it came.
    """
    asked: dict[str, int] = {}
    recent: set[str] = set()
    unanswered = Unanswered(spec, party)
    clock = spec.world.epoch
    for piece in slices:
        answers = _emission(party, client.answers(), recent, clock, unanswered)
        facts = [e for e in piece.emissions if e.source == party.facts]
        told = [orjson.loads(value) for emission in facts for value in emission.values]
        if told:
            client.learn(told)
        recent = set()
        for emission in piece.emissions:
            if emission.source == spec.trigger.name:
                rows = zip(
                    emission.keys, emission.clock.tolist(),
                    emission.event_time.tolist(), emission.values, strict=True,
                )  # fmt: skip
                for key, at, time, value in rows:
                    entity = key.decode(errors="replace") if key else None
                    if entity and at >= asked.get(entity, at):
                        asked[entity] = at + party.ttl
                        recent.add(entity)
                        client.ask(entity, at)
                    if entity:
                        unanswered.seen(entity, time, value)
        others = (e for e in piece.emissions if e.source != party.facts)
        yield Slice(piece.until, (*others, answers))
        clock = piece.until
    last = _emission(party, client.answers(), recent, clock, unanswered)
    if len(last):
        yield Slice(clock + spec.inputs.heartbeat, (last,))


class Unanswered:
    """What has been sent of entities about which nothing has ever been answered."""

    def __init__(self, spec: DomainSpec, party: ThirdPartySpec) -> None:
        recall = spec.model.rescoring
        sources = {lookup.name: lookup.source for lookup in spec.features.joins}
        own = recall is not None and sources.get(recall.join) == party.source
        self._recall = recall if own else None
        fields = {field.name: field for field in spec.source(party.source).fields}
        self._longest = fields[recall.field].max_length if recall is not None and own else 0
        self._events: dict[str, list[tuple[int, bytes]]] = {}
        self._answered: set[str] = set()

    def seen(self, entity: str, time: int, value: bytes) -> None:
        """Keep an event (ms, and as it is sent) while nothing is known of its entity."""
        recall = self._recall
        if recall is None or entity in self._answered:
            return
        kept = self._events.setdefault(entity, [])
        kept.append((time, value))
        if len(kept) > 2 * recall.most:
            del kept[: -recall.most]

    def recalled(self, said: Said, now: int, *, in_time: bool) -> dict[str, str | None]:
        """Return what the first answer about an entity brings along: none, if it is in time."""
        recall = self._recall
        if recall is None:
            return {}
        events = self._events.pop(said.entity, [])
        self._answered.add(said.entity)
        # Before the question nobody could have known, and what comes later meets the answer.
        since = max(said.asked_at, now - recall.within)
        lines = [value.decode(errors="replace") for time, value in events if since <= time < now]
        return {recall.field: None if in_time else self._fitting(lines[-recall.most :])}

    def _fitting(self, lines: Sequence[str]) -> str | None:
        """Write as many lines as the field has room for, the latest: an answer must not be lost."""
        room, taken = self._longest - len("[]"), 0
        for line in reversed(lines):
            room -= len(orjson.dumps(line).decode()) + len(",")
            if room < 0:
                break
            taken += 1
        return orjson.dumps(lines[len(lines) - taken :]).decode() if taken else None


def _emission(
    party: ThirdPartySpec,
    said: Sequence[Said],
    recent: set[str],
    clock: int,
    unanswered: Unanswered,
) -> Emission:
    """Write answers as events, in order of time; all are sent at a moment of the clock (ms)."""
    # A question may have been put again before its answer came.
    rows = sorted(
        ((s.asked_at if s.entity in recent else clock, s) for s in said),
        key=lambda row: (row[0], row[1].entity, row[1].asked_at),
    )
    bodies = [
        {
            **party.event(s.entity, s.what, s.asked_at),
            **unanswered.recalled(s, clock, in_time=s.entity in recent),
        }
        for _, s in rows
    ]
    time = np.array([at for at, _ in rows], np.int64)
    names = bodies[0] if bodies else {}
    values = encode_objects(
        {
            "event_id": [f"{party.source}-{s.entity}-{s.asked_at}" for _, s in rows],
            "event_time": format_times(time),
            "asked_at": format_times(np.array([s.asked_at for _, s in rows], np.int64)),
            **{name: [body[name] for body in bodies] for name in names},
        }
    )
    keys: list[bytes | None] = [s.entity.encode() for _, s in rows]
    return Emission(party.source, time, np.full(len(rows), clock), keys, values if bodies else [])
