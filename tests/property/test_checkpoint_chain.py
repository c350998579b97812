"""A changelog has one state, for any writers in any order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from streamsim.consumers.state.checkpoint_chain import (
    FULL,
    INCREMENTAL,
    ChangelogRecord,
    Checkpoint,
    CheckpointHeader,
    Epoch,
    follow_chain,
)
from streamsim.streams.errors import StateError
from tests.property.examples import examples


@dataclass
class Writer:
    """A worker that continues the chain that it has read, without knowledge of other writers."""

    name: str
    chain: list[Checkpoint]
    generation: int
    count: int = 0
    epoch: Epoch = field(init=False)

    def __post_init__(self) -> None:
        before = self.chain[-1].header.epoch if self.chain else Epoch(0, 0)
        self.epoch = before.next(self.generation)

    def headers(self, kind: str, parts: int) -> list[CheckpointHeader]:
        after = self.chain[-1].header.content if self.chain else ""
        base = self.chain[0].offset if self.chain else 0
        content = f"{self.name}:{self.count}"
        self.count += 1
        return [
            CheckpointHeader(kind, content, after, part, parts, base, self.epoch, "g", "s")
            for part in range(parts)
        ]

    def wrote(self, records: list[ChangelogRecord]) -> None:
        header = records[0].header
        checkpoint = Checkpoint(records[0].offset, header, b"".join(r.data for r in records))
        self.chain = [checkpoint] if header.kind == FULL else [*self.chain, checkpoint]


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["take over", "cut", "cut", "cut", "snapshot", "broken", "twice"]),
        st.integers(0, 3),
        st.integers(1, 3),
    ),
    max_size=40,
)


@examples(3)
@given(ACTIONS, st.booleans())
def test_the_newest_writer_is_believed_and_no_other(
    actions: list[tuple[str, int, int]], forgets: bool
) -> None:
    """The last worker to take over counts once it has written; older ones may still write."""
    log: list[ChangelogRecord] = []
    writers = [Writer("w0", [], 1)]
    for what, pick, parts in actions:
        writer = writers[-1 - pick % len(writers)]
        if what == "take over":
            generation = 1 if forgets and pick == 3 else writers[-1].generation + 1
            writers.append(Writer(f"w{len(writers)}", follow_chain(log), generation))
            continue
        headers = writer.headers(FULL if what == "snapshot" else INCREMENTAL, parts)
        records = [
            ChangelogRecord(len(log) + i, header, f"{header.content}/{header.part};".encode())
            for i, header in enumerate(headers)
        ]
        if what == "broken":  # it died before all parts were written
            log += records[:-1]
            continue
        log += records
        if what == "twice":  # the broker took a part again that it had already
            log.append(replace(records[0], offset=len(log)))
        writer.wrote(records)
    wrote = [w for w in writers if any(r.header.content.startswith(f"{w.name}:") for r in log)]
    complete = [w for w in wrote if w.chain and w.chain[-1].header.epoch == w.epoch]
    expected = max(complete, key=lambda w: (w.epoch, w.chain[-1].offset)).chain if complete else []
    found = follow_chain(log)
    event(f"{len(complete)} writers")
    assert [(checkpoint.header, checkpoint.data) for checkpoint in found] == [
        (checkpoint.header, checkpoint.data) for checkpoint in expected
    ]
    if found:  # the chain can be read from the base of its last record
        again = follow_chain([r for r in log if r.offset >= found[-1].header.base])
        assert [checkpoint.header for checkpoint in again] == [
            checkpoint.header for checkpoint in found
        ]


def test_a_chain_that_has_lost_its_beginning_is_an_error() -> None:
    header = CheckpointHeader(INCREMENTAL, "b", "a", 0, 1, 7, Epoch(0, 1), "g", "s")
    with pytest.raises(StateError, match="no checkpoint of the changelog has a complete chain"):
        follow_chain([ChangelogRecord(9, header, b"")])


@pytest.mark.parametrize("name", ["content", "part", "epoch", "base", "state"])
def test_a_record_of_somebody_else_is_an_error(name: str) -> None:
    header = CheckpointHeader(INCREMENTAL, "b", "a", 0, 1, 7, Epoch(0, 1), "g", "s")
    assert CheckpointHeader.read(header.encode()) == header
    with pytest.raises(StateError, match="no worker has written"):
        CheckpointHeader.read([(n, v) for n, v in header.encode() if n != name])
