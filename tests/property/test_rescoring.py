"""A purchase without an answer is rescored with it once, with the result of a batch."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.core.drive import score
from streamsim.consumers.core.pipeline import Pipeline, new_tables
from streamsim.consumers.state.store import Columns
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.in_process import as_records
from streamsim.simulator.standins.in_memory import InMemory
from streamsim.streams.asking import PartyAnswer, UnansweredEvents, ask_third_party
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import FEATURES, Outbound, Records, first_headers
from streamsim.streams.spec import DAY
from streamsim.streams.stored.packing import pack, unpack
from streamsim.streams.topics import CORRECTIONS, SCORES, topic
from tests.property.chained import signature
from tests.property.driving import checksum
from tests.property.examples import examples

SPEC = load_domain("retail")
(PARTY,) = SPEC.inputs.third_parties
Found = dict[str, bytes]


class Slow:
    """The programme in this process; it answers some questions late."""

    def __init__(self, patience: int) -> None:
        self._client, self._patience = InMemory(PARTY), patience
        self._held: list[tuple[int, PartyAnswer]] = []
        self._turn = 0

    def learn(self, facts: Sequence[Any]) -> None:
        self._client.learn(facts)

    def ask(self, entity: str, at_ms: int) -> None:
        self._client.ask(entity, at_ms)

    def answers(self) -> Sequence[PartyAnswer]:
        self._turn += 1
        for said in self._client.answers():
            wait = zlib.crc32(said.entity.encode()) % 4 * self._patience
            self._held.append((self._turn + wait, said))
        due = [said for turn, said in self._held if turn <= self._turn]
        self._held = [(turn, said) for turn, said in self._held if turn > self._turn]
        return due


@cache
def records(patience: int, rows: int) -> list[Records]:
    """The world of a seed, in order and whole, with a programme that is so slow (hours)."""
    slices = []
    world = SPEC.world.make(5, {**SPEC.world.options, "households": 60, "defects": 0.0}).slices()
    for piece in SPEC.inputs.collect(ask_third_party(SPEC, PARTY, world, Slow(patience))):
        if piece.until > SPEC.world.epoch + 12 * DAY:
            break
        slices.append(piece)
    batches = list(wire(SPEC, slices))
    batches.append(finale(SPEC, max(batch.latest() for batch in batches)))
    return list(as_records(SPEC, batches, rows))


class Torn:
    """A pipeline that crashes now and then, and is restored from its checkpoints."""

    def __init__(self, parts: Sequence[Records]) -> None:
        self._parts = parts
        self._written: dict[int, list[Columns]] = {}
        self.outputs: list[Outbound] = []
        self._begin()

    def _begin(self) -> None:
        self.pipeline = Pipeline(SPEC, signature(SPEC), tables=new_tables(SPEC), journal=True)
        for p, contents in self._written.items():
            self.pipeline.restore(p, [unpack(pack(content)) for content in contents])

    def run(self, stops: Sequence[tuple[int, str]]) -> None:
        what = dict(stops)
        at = 0
        while at < len(self._parts):
            self.outputs += self.pipeline.push(self._parts[at]).each()
            while (prepared := self.pipeline.pull(200)) is not None:
                scored = score(self.pipeline, prepared, lambda rows, _: checksum(rows))
                done = self.pipeline.finish(scored)
                self.outputs += done.each()
            at += 1
            action = what.pop(at, "")
            if action in ("cut", "crash"):
                for p, content in self.pipeline.checkpoint().items():
                    self._written.setdefault(p, []).append(content)
            if action == "snapshot":
                for p in range(SPEC.partitions):
                    content_ = self.pipeline.snapshot(p)
                    assert content_ is not None
                    self._written[p] = [content_]
            if action in ("crash", "lost"):
                self._begin()
                at = 0  # records that are known are left alone


def found(outputs: Sequence[Outbound], name: str) -> Found:
    """Return the features of the outputs by event id; a repeat must be equal."""
    features: Found = {}
    for record in outputs:
        if record.topic == topic(SPEC.name, name) and record.value is not None:
            own = first_headers(record.headers)[FEATURES]
            event_id = orjson.loads(record.value)["event_id"]
            assert own is not None
            assert features.setdefault(event_id, own) == own
    return features


def unmet(outputs: Sequence[Outbound]) -> set[str]:
    """Return the events whose scores have no answer in their lineage."""
    bodies = [orjson.loads(r.value or b"") for r in outputs if r.topic == topic(SPEC.name, SCORES)]
    return {body["event_id"] for body in bodies if body["lineage"]["loyalty"] is None}


@cache
def whole(patience: int, rows: int = 3_000) -> tuple[Found, Found, frozenset[str]]:
    torn = Torn(records(patience, rows))
    torn.run(())
    assert not torn.pipeline.pending
    scores, again = found(torn.outputs, SCORES), found(torn.outputs, CORRECTIONS)
    return scores, again, frozenset(unmet(torn.outputs))


def test_a_correction_is_what_an_answer_in_time_would_have_given() -> None:
    (in_time, none, _), (scores, corrections, without) = whole(0), whole(7)
    assert not none
    assert scores.keys() == in_time.keys()
    assert len(without) > 50
    # Of the last day's, answers are still to come.
    assert corrections.keys() == {event for event in without if int(event[2:6]) < 11}
    assert any(scores[event_id] != row for event_id, row in corrections.items())
    for event_id, row in corrections.items():
        assert row == in_time[event_id], event_id


def test_batches_make_no_difference() -> None:
    assert whole(7) == whole(7, 170)


STOPS = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from(["cut", "cut", "snapshot", "crash", "lost"])),
    max_size=8,
)


@examples(0.25)
@given(stops=STOPS)
def test_a_crash_at_any_moment_changes_nothing(stops: list[tuple[int, str]]) -> None:
    torn = Torn(records(7, 170))
    torn.run(stops)
    assert (found(torn.outputs, SCORES), found(torn.outputs, CORRECTIONS)) == whole(7)[:2]


def test_what_is_no_list_of_events_is_left_alone() -> None:
    parts = records(7, 3_000)
    bad = [b'"late_for":"[1]"', b'"late_for":"x"', b'"late_for":"[\\"{}\\"]"']
    spoilt = []
    for part in parts:
        values = list(part.value)
        if part.source == "loyalty":
            for row, text in zip(range(len(values)), bad, strict=False):
                own = orjson.loads(values[row] or b"null")
                if own:
                    own["late_for"] = orjson.loads(b"{%s}" % text)["late_for"]
                    values[row] = orjson.dumps(own)
        spoilt.append(Records(part.source, part.partition, part.offset, part.timestamp,
                              part.key, values, part.headers))  # fmt: skip
    torn = Torn(spoilt)
    torn.run(())
    assert not torn.pipeline.pending
    assert np.isin(list(found(torn.outputs, CORRECTIONS)), list(whole(7)[1])).all()


@given(size=st.integers(0, 70_000), quotes=st.booleans())
def test_an_answer_brings_along_what_its_field_has_room_for(size: int, quotes: bool) -> None:
    """Lines of any length: a field that is too long would make the answer itself dead."""
    (field,) = (f for f in SPEC.source("loyalty").fields if f.name == "late_for")
    unanswered = UnansweredEvents(SPEC, PARTY)
    lines = [b"%d" % i + (b'"' if quotes else b"x") * size for i in range(120)]
    for i, line in enumerate(lines):
        unanswered.add("h", 1_000 + i, line)
    text = unanswered.take(PartyAnswer("h", 0, None), 5_000, in_time=False)["late_for"]
    brought = orjson.loads(text or "[]")
    assert text is None or len(text) <= field.max_length
    assert brought == [line.decode() for line in lines[len(lines) - len(brought) :]]
    assert len(brought) == 100 or len(brought) * (2 * size + 10) > field.max_length - 2 * size - 10
