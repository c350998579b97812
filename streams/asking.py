"""Third-party requests: ask about an entity when it is first seen, and publish answers as events.

An answer is an event on a topic, so a replay reads the same answers even if the third party has
changed since. An entity is asked about when it is first seen, and again once its answer has
expired. The stream does not stop for it: an answer that arrives by the next heartbeat counts from
the moment of the question, a later one from its arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.errors import UsageError
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.third_parties import ThirdPartySpec
from streamsim.streams.spec.world import Emission, Slice


class PartyAnswer(NamedTuple):
    """An answer: its entity, when it was asked (ms), and its content."""

    entity: str
    asked_at: int
    content: Any


class Client(Protocol):
    """Asks one third party."""

    def learn(self, facts: Sequence[Any]) -> None:
        """Send it the facts of a simulated world; only a stand-in takes them."""
        ...

    def ask(self, entity: str, at_ms: int) -> None:
        """Queue a question without waiting."""
        ...

    def answers(self) -> Sequence[PartyAnswer]:
        """Return the answers since the last call; wait no longer than a declared bound."""
        ...


def ask_third_party(
    spec: DomainSpec, party: ThirdPartySpec, slices: Iterable[Slice], client: Client
) -> Iterator[Slice]:
    """Ask about the entities of the trigger's events, and add the answers to later slices.

    An answer's ``asked_at`` is the time of its question. So is its ``event_time``, unless it
    arrives after the next heartbeat: then its event time is its arrival.
    """
    asked: dict[str, int] = {}
    recent: set[str] = set()
    unanswered = UnansweredEvents(spec, party)
    clock = spec.world.epoch
    for piece in slices:
        answers = _emission(party, client.answers(), recent, clock, unanswered)
        facts = [e for e in piece.emissions if e.source == party.facts]
        new_facts = [orjson.loads(value) for emission in facts for value in emission.values]
        if new_facts:
            client.learn(new_facts)
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
                        unanswered.add(entity, time, value)
        others = (e for e in piece.emissions if e.source != party.facts)
        yield Slice(piece.until, (*others, answers))
        clock = piece.until
    last = _emission(party, client.answers(), recent, clock, unanswered)
    if len(last):
        yield Slice(clock + spec.inputs.heartbeat, (last,))


class UnansweredEvents:
    """Buffer of events whose entity has no answer yet."""

    def __init__(self, spec: DomainSpec, party: ThirdPartySpec) -> None:
        rescoring = spec.model.rescoring
        sources = {join.name: join.source for join in spec.features.joins}
        own = rescoring is not None and sources.get(rescoring.join) == party.source
        self._rescoring = rescoring if own else None
        fields = {field.name: field for field in spec.source(party.source).fields}
        self._longest = fields[rescoring.field].max_length if rescoring is not None and own else 0
        self._events: dict[str, list[tuple[int, bytes]]] = {}
        self._answered: set[str] = set()

    def add(self, entity: str, time: int, value: bytes) -> None:
        """Buffer an event (its time in ms, and its bytes) while its entity has no answer."""
        rescoring = self._rescoring
        if rescoring is None or entity in self._answered:
            return
        buffered = self._events.setdefault(entity, [])
        buffered.append((time, value))
        if len(buffered) > 2 * rescoring.most:
            del buffered[: -rescoring.most]

    def take(self, answer: PartyAnswer, now: int, *, in_time: bool) -> dict[str, str | None]:
        """Return the buffered events for the first answer about an entity; none if in time."""
        rescoring = self._rescoring
        if rescoring is None:
            return {}
        events = self._events.pop(answer.entity, [])
        self._answered.add(answer.entity)
        # Events before the question could not have had an answer; later ones join this one.
        since = max(answer.asked_at, now - rescoring.within)
        lines = [value.decode(errors="replace") for time, value in events if since <= time < now]
        return {rescoring.field: None if in_time else self._fitting(lines[-rescoring.most :])}

    def _fitting(self, lines: Sequence[str]) -> str | None:
        """Write the latest lines that fit in the field: too long a field would lose the answer."""
        room, taken = self._longest - len("[]"), 0
        for line in reversed(lines):
            room -= len(orjson.dumps(line).decode()) + len(",")
            if room < 0:
                break
            taken += 1
        return orjson.dumps(lines[len(lines) - taken :]).decode() if taken else None


def _emission(
    party: ThirdPartySpec,
    answers: Sequence[PartyAnswer],
    recent: set[str],
    clock: int,
    unanswered: UnansweredEvents,
) -> Emission:
    """Write answers as events, in order of time, all sent at the same clock (ms)."""
    # The same question may have been asked again before its answer arrived.
    rows = sorted(
        ((s.asked_at if s.entity in recent else clock, s) for s in answers),
        key=lambda row: (row[0], row[1].entity, row[1].asked_at),
    )
    bodies = [
        {
            **party.event(s.entity, s.content, s.asked_at),
            **unanswered.take(s, clock, in_time=s.entity in recent),
        }
        for _, s in rows
    ]
    time = np.array([at for at, _ in rows], np.int64)
    names = bodies[0] if bodies else {}
    for body in bodies:
        if differing := body.keys() ^ names.keys():
            raise UsageError(
                f"{party.name}: event() must always return the same fields, None for what is not "
                f"known; {sorted(differing)[0]!r} is not in every answer"
            )
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
