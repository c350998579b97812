"""Crash test driver: a pipeline that may crash at any moment and restores its checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamsim.consumers.core.drive import score
from streamsim.consumers.core.exchange import Exchange
from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.monitor.drift.profile_counts import read_profiles
from streamsim.consumers.monitor.feed_counts import read_counts
from streamsim.consumers.monitor.labelled_scores import read_labelled
from streamsim.consumers.predict.prepared import Prepared
from streamsim.consumers.state.store import Columns
from streamsim.streams.answers import Answers
from streamsim.streams.events import NO_TIME, Matrix, Outbound
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.packing import pack, unpack
from streamsim.streams.topics import FEEDS, LABELLED, PROFILES, topic
from tests.property.chained import profile, signature
from tests.property.driving import checksum, records_of
from tests.property.logs import SOURCES, SPEC, Item, logs_of

ROWS = 8


@dataclass
class Crashing:
    """A worker's pipeline, its checkpoints per partition, and its outputs.

    The tables outlive a worker here, as their topic does: a new worker restores them from a
    snapshot. A repeat in the topic is theirs to ignore.
    """

    items: Iterable[Item]
    hold: bool
    spec: DomainSpec = SPEC
    outputs: list[Outbound] = field(default_factory=list)
    written: dict[int, list[Columns]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.logs = logs_of(self.items)
        self.exchange = Exchange(self.spec)
        self.crash()

    def crash(self) -> None:
        """Drop all state, and restore a pipeline from the checkpoints."""
        self.scoring: list[Prepared] = []
        shared = unpack(pack(self.exchange.snapshot()))
        self.exchange = Exchange(self.spec)
        self.exchange.restore(shared)
        self.pipeline = self.make()
        for p, contents in self.written.items():
            self.pipeline.restore(p, [unpack(pack(content)) for content in contents])
        self.at = {
            (source, p): max(0, position)
            for source in SOURCES
            for p, position in enumerate(self.pipeline.positions(source).tolist())
        }

    def make(self, **options: Any) -> Pipeline:
        """Make a pipeline without state, except for the global tables."""
        return Pipeline(
            self.spec,
            signature(self.spec),
            hold=self.hold,
            tables=self.exchange.tables,
            journal=True,
            **options,
        )

    def answer(self, prepared: Prepared, rows: Matrix) -> Answers:
        """Score rows by the model version of these events."""
        return checksum(rows)

    def fetch(self, pick: int, size: int) -> bool:
        """Take records from one of the unfinished logs; return whether there were any."""
        left = [place for place, log in self.logs.items() if self.at[place] < len(log)]
        if not left:
            return False
        place = left[pick % len(left)]
        start = self.at[place]
        taken = list(enumerate(self.logs[place]))[start : start + size]
        self.at[place] = start + len(taken)
        self._put(self.pipeline.push(records_of(taken)).each())
        return True

    def pull(self) -> bool:
        """Send ready events to the scorer."""
        prepared = self.pipeline.pull(ROWS)
        if prepared is not None:
            self.scoring.append(prepared)
        return prepared is not None

    def finish(self) -> None:
        """Let the scorer answer its first batch."""
        if self.scoring:
            prepared = self.scoring.pop(0)
            scored = score(self.pipeline, prepared, lambda rows, _: self.answer(prepared, rows))
            self._put(self.pipeline.finish(scored).each())

    def cut(self) -> None:
        """Write incremental checkpoints."""
        self._publish()
        for p, content in self.pipeline.checkpoint().items():
            self.written.setdefault(p, []).append(content)
            self.pipeline.saved(p, content)

    def snapshot(self, partition: int) -> None:
        """Write a full checkpoint of a partition, which replaces the earlier ones."""
        content = self.pipeline.snapshot(partition)
        assert (content is None) == bool(self.scoring)
        if content is not None:
            self.written[partition] = [content]
            self.pipeline.saved(partition, content)

    def act(self, action: tuple[str, int, int]) -> None:
        """Do one action."""
        what, pick, size = action
        if what == "fetch":
            self.fetch(pick, size)
        elif what == "snapshot":
            self.snapshot(pick % SPEC.partitions)
        else:
            {"pull": self.pull, "finish": self.finish, "cut": self.cut, "crash": self.crash}[what]()

    def end(self) -> None:
        """Continue until all events are finished."""
        moved = True
        while moved:
            moved = self.fetch(0, 40)
            while self.pull():
                moved = True
            while self.scoring:
                self.finish()
        self._publish()

    def _publish(self) -> None:
        self._put(self.pipeline.publish().each())

    def _put(self, records: Sequence[Outbound]) -> None:
        self.outputs += records
        for record in records:
            if record.value is not None:
                self.exchange.apply(record.topic, record.value)


def effect(outputs: Iterable[Outbound], spec: DomainSpec = SPEC) -> dict[object, Any]:
    """Give each output its id, and drop repeats; a repeat must say the same."""
    found: dict[object, Any] = {}
    tables = {topic(SPEC.name, t.name) for t in SPEC.features.tables}
    covered = dict.fromkeys(range(SPEC.partitions), NO_TIME)
    watched, profiled = dict(covered), dict(covered)
    bins = profile(spec.features.vector.names).fingerprint()
    for record in outputs:
        if record.topic in tables:
            continue
        if record.topic == topic(SPEC.name, LABELLED):
            assert record.value is not None
            told = read_labelled(record.value)
            p, until = told.partition, told.until
            assert told.since <= covered[p]  # nothing is left out
            rows = list(zip(*(c.tolist() for c in told.columns), strict=True))
            rows = [row for row in rows if row[0] >= covered[p]]
            found.setdefault(("labelled", p), []).extend(sorted(rows))
            covered[p] = max(until, covered[p])
            continue
        if record.topic == topic(SPEC.name, FEEDS):
            assert record.value is not None
            p, until, counts, sure = read_counts(record.value)
            new = [(key, row) for key, row in counts.items() if key[0] >= watched[p]]
            found.setdefault(("feeds", p), []).extend(sorted(new))
            found.setdefault(("sure", p), []).extend(s for s in sure if s[0] > watched[p])
            watched[p] = max(until, watched[p])
            continue
        if record.topic == topic(SPEC.name, PROFILES):
            p, since, until, own = read_profiles(record.value, bins)
            assert since <= profiled[p]
            found |= {("profiles", p, at): n.tolist() for at, n in own.items() if at >= profiled[p]}
            profiled[p] = max(until, profiled[p])
            continue
        headers = dict(record.headers)
        if "accuracy_id" in headers or headers.get("ce_id", b"").startswith(
            (b"accuracy_", b"feed_")
        ):
            continue  # derived from the labelled scores, by their readers
        source = headers.get("source_topic"), record.partition, headers.get("source_offset")
        identity = record.topic, headers.get("ce_id", source)
        assert found.setdefault(identity, record) == record
    return found


def account(pipeline: Pipeline) -> dict[object, object]:
    """Return a pipeline's account and positions."""
    classes = {
        (source, p): pipeline.account.of(source, p)
        for source in SOURCES
        for p in range(SPEC.partitions)
    }
    positions = {s: np.maximum(pipeline.positions(s), 0).tolist() for s in SOURCES}
    return classes | {"position": positions}
