"""Renewed versions depend only on the events before their interval's end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import orjson
import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from streamsim.consumers.predict.learner import Learner
from streamsim.consumers.predict.model_schedule import Entry, Schedule, read_entry
from streamsim.models.loaded import answer
from streamsim.simulator.in_process import InProcess
from streamsim.streams.events import MODEL_VERSION, NO_TIME, Ints, Outbound
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.spec.renewals import champion_of
from streamsim.streams.stored.packing import pack, unpack
from streamsim.streams.topics import SCORES, topic
from tests.property.chained import chained, signature
from tests.property.crashing import Crashing, account, effect
from tests.property.driving import (
    SCHEDULES,
    Batch,
    one_by_one,
    records_of,
    scheduled,
)
from tests.property.driving import Schedule as Cuts
from tests.property.examples import examples
from tests.property.logs import (
    LATENESS,
    SOURCES,
    Item,
    Step,
    Story,
    ending,
    logs_of,
    steps,
    tell,
    wild_steps,
)
from tests.property.logs import SPEC as PLAIN
from tests.property.renewed import RENEWAL, ChecksumModel, renewed
from tests.property.test_batches import LEAPING, meaning
from tests.property.test_classes import classes_of
from tests.property.test_recovery import ROUNDS, Action

Versions = list[tuple[Entry, int]]


def payment(card: int, gap: int = 0, repeat: int = 1) -> Step:
    return Step(gap, "transactions", card, 0, 1_000, repeat, None, 0, "own")


SPEC, CHAINED = renewed(PLAIN), chained(renewed(PLAIN))
SIGNATURE = signature(SPEC)
STORIES = st.lists(steps(), max_size=12)
AT_ONCE = [payment(0), payment(2), payment(4), payment(1, gap=31 * DAY)]
"""Payments of one instant, in all partitions, that end a cut together."""
DAILY = [payment(4), payment(0, gap=DAY, repeat=6)]
OTHERS_BEHIND: Cuts = [(place, 2, False) for place in range(6)] + [(0, 99, False)]
"""All have begun, and one partition is then read to its end before the others."""


def learner(published_until: int = NO_TIME) -> Learner:
    return Learner(SPEC, RENEWAL, ChecksumModel(), SIGNATURE, published_until)


def learnt(
    batches: Iterable[Batch], published_until: int = NO_TIME
) -> tuple[Versions, int, list[Entry]]:
    """Return the renewed versions, the end of the schedule, and all entries."""
    own, entries, versions = learner(published_until), [], []
    for batch in batches:
        if batch[0][1].source == SPEC.trigger.name:
            for entry, estimator in own.push(records_of(batch)):
                entries.append(entry)
                assert (estimator is not None) == entry.is_new
                if isinstance(estimator, ChecksumModel):
                    versions.append((entry, estimator.learnt))
    return versions, entries[-1].until if entries else NO_TIME, entries


@examples(1)
@given(story=STORIES | st.lists(wild_steps(stamps=LEAPING), max_size=12), cuts=SCHEDULES)
@example(story=AT_ONCE, cuts=[(2, 9, False), (1, 9, False)])
def test_batches_make_no_difference_to_what_is_learnt(story: Story, cuts: Cuts) -> None:
    items = tell(story)
    items += ending(items)
    singly = learnt(one_by_one(items))
    assert learnt(scheduled(items, cuts))[:2] == singly[:2]


@examples(1)
@given(story=st.lists(steps(), min_size=2, max_size=12))
def test_a_version_knows_everything_in_time_before_its_cut(story: Story) -> None:
    """Compute the same by a scan of the records, each of which comes once."""
    items = tell([step._replace(known_id=None) for step in story])
    items += ending(items)
    versions, _, _ = learnt(one_by_one(items))
    cuts = {entry.since - RENEWAL.lead for entry, _ in versions}
    expected, logs = set(), logs_of(items)
    fates = classes_of(logs)
    for (source, partition), log in logs.items():
        clock = NO_TIME
        for offset, item in enumerate(log):
            fate = fates[source, partition, offset]
            if source != SPEC.trigger.name or fate == "dead":
                continue
            clock = max(clock, item.time if item.stamp is None else item.stamp)
            if item.kind == "event" and fate != "late" and item.time >= clock - LATENESS:
                expected.add(item.time - item.time % RENEWAL.every + RENEWAL.every)
    assert cuts == expected


@examples(1)
@given(story=STORIES, first=SCHEDULES, second=SCHEDULES, data=st.data())
def test_a_learner_that_was_killed_goes_on_as_if_nothing_had_been(
    story: Story, first: Cuts, second: Cuts, data: st.DataObject
) -> None:
    """A learner may restart at any moment, with a published schedule and other batches."""
    items = tell(story)
    items += ending(items)
    whole, until, entries = learnt(scheduled(items, first))
    told = data.draw(st.integers(0, len(entries)))
    published_until = entries[told - 1].until if told else NO_TIME
    rest, end, again = learnt(scheduled(items, second), published_until)
    before = [v for v in whole if v[0].until <= published_until]
    assert before + rest == whole
    assert max(end, published_until) == until
    schedule = Schedule(SIGNATURE)
    for entry in [*entries[:told], *again]:
        schedule.add(entry)
    times = [entry.since + shift for entry, _ in whole for shift in (-1, 0, 1)]
    known = Schedule(SIGNATURE)
    for entry in entries:
        known.add(entry)
    for at in times:
        versions = [
            s.signature(int(s.numbers(np.array([at]))[0])).version for s in (schedule, known)
        ]
        assert versions[0] == versions[1]


def run(
    batches: Iterable[Batch], hold: bool, spec: DomainSpec = SPEC
) -> tuple[InProcess, list[Outbound]]:
    champion = ChecksumModel()
    domain = InProcess(
        spec,
        lambda rows: answer(champion, rows),
        signature(spec),
        hold=hold,
        renewed=champion,
    )
    return domain, list(domain.run(map(records_of, batches)))


def versions_of(outputs: Iterable[Outbound]) -> list[str]:
    scores = [r for r in outputs if r.topic == topic(SPEC.name, SCORES)]
    return [dict(r.headers)[MODEL_VERSION].decode() for r in scores]


@pytest.mark.parametrize("hold", [False, True])
@examples(0.5)
@given(story=STORIES, cuts=SCHEDULES)
@example(story=DAILY, cuts=OTHERS_BEHIND)
def test_which_version_answers_does_not_depend_on_batches(
    story: Story, cuts: Cuts, hold: bool
) -> None:
    items = tell(story)
    items += ending(items)
    domain, singly = run(one_by_one(items), hold)
    assert domain.pipeline.pending == 0
    assert domain.pipeline.waits_for() is None
    again, mixed = run(scheduled(items, cuts), hold)
    assert meaning(mixed, SPEC) == meaning(singly, SPEC)
    assert account(again.pipeline) == account(domain.pipeline)
    event(f"versions: {min(len(set(versions_of(singly))), 3)}")


class Renewing(Crashing):
    """A worker and a learner that may both crash, and the published entries."""

    def __init__(self, items: list[Item], hold: bool) -> None:
        self.told: list[dict[str, object]] = []
        self.made = {"1": ChecksumModel()}
        self.saved: tuple[bytes, Ints] | None = None
        super().__init__(items, hold, CHAINED if hold else SPEC)

    def crash(self) -> None:
        own = signature(self.spec)
        entries = [read_entry(orjson.dumps(body), "run", own.model) for body in self.told]
        assert None not in entries
        self.schedule = Schedule(own)
        for entry in entries:
            assert entry is not None
            self.schedule.add(entry)
        self.learner = Learner(self.spec, RENEWAL, self.made["1"], own, self.schedule.until)
        self.starts = np.zeros(self.spec.partitions, np.int64)
        if self.saved is not None:
            learnt, self.starts = self.saved
            self.learner.restore(unpack(learnt), self.starts)
        super().crash()
        self.read = 0

    def make(self, **options: object) -> object:
        return super().make(schedule=self.schedule, **options)

    def answer(self, prepared: object, rows: object) -> object:
        return answer(self.made[prepared.signature.version], rows)  # type: ignore[attr-defined]

    def fetch(self, pick: int, size: int) -> bool:
        self.learn(2 * size)
        return super().fetch(pick, size)

    def learn(self, size: int) -> None:
        """Let only the learner read further records, and keep what it has learnt at times."""
        ordered = [i for i in self.items if i.source == self.spec.trigger.name]
        offsets: dict[int, int] = {}
        batch: Batch = []
        for number, item in enumerate(ordered[: self.read + size]):
            offset = offsets.get(item.partition, 0)
            if number >= self.read and offset >= self.starts[item.partition]:
                batch.append((offset, item))
            offsets[item.partition] = offset + 1
        self.read = min(self.read + size, len(ordered))
        if batch:
            for entry, estimator in self.learner.push(records_of(batch)):
                if isinstance(estimator, ChecksumModel):
                    self.made[entry.version] = estimator
                self.told.append(entry.as_record("run"))
                self.schedule.add(entry)
        if size % 3 == 0:
            self.saved = pack(self.learner.snapshot()), self.learner.positions()


@pytest.mark.parametrize("hold", [False, True])
@examples(0.2)
@given(story=st.lists(steps(), min_size=3, max_size=16), rounds=ROUNDS)
def test_whoever_dies_the_same_versions_answer(
    story: Story, rounds: Sequence[tuple[list[Action], ...]], hold: bool
) -> None:
    items = tell(story)
    items += ending(items)
    crashing = Renewing(items, hold)
    whole, outputs = run(one_by_one(items), hold, crashing.spec)
    for parts in rounds:
        for action in chain.from_iterable(parts):
            crashing.act(action)
        crashing.crash()
    crashing.end()
    assert effect(crashing.outputs, crashing.spec) == effect(outputs, crashing.spec)
    assert account(crashing.pipeline) == account(whole.pipeline)
    assert {champion_of(v) for v in versions_of(outputs)} <= {"1"}
    assert set(SOURCES) == {source for source, _ in crashing.logs}
