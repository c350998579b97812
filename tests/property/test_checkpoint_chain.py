"""A changelog says one thing, whoever has written into it in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from streamsim.consumers.state.checkpoint_chain import (
    FULL,
    INCREMENTAL,
    Epoch,
    Link,
    Mark,
    Written,
    follow_chain,
)
from streamsim.streams.errors import StateError
from tests.property.examples import examples


@dataclass
class Writer:
    """A worker that goes on from what it has read, and knows nothing of others."""

    name: str
    links: list[Link]
    generation: int
    count: int = 0
    epoch: Epoch = field(init=False)

    def __post_init__(self) -> None:
        before = self.links[-1].mark.epoch if self.links else Epoch(0, 0)
        self.epoch = before.next(self.generation)

    def marks(self, kind: str, parts: int) -> list[Mark]:
        after = self.links[-1].mark.content if self.links else ""
        base = self.links[0].offset if self.links else 0
        content = f"{self.name}:{self.count}"
        self.count += 1
        return [
            Mark(kind, content, after, part, parts, base, self.epoch, "g", "s")
            for part in range(parts)
        ]

    def wrote(self, records: list[Written]) -> None:
        mark = records[0].mark
        link = Link(records[0].offset, mark, b"".join(r.data for r in records))
        self.links = [link] if mark.kind == FULL else [*self.links, link]


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
    """The last to take over, once it has written, whatever those before it write after that."""
    log: list[Written] = []
    writers = [Writer("w0", [], 1)]
    for what, pick, parts in actions:
        writer = writers[-1 - pick % len(writers)]
        if what == "take over":
            generation = 1 if forgets and pick == 3 else writers[-1].generation + 1
            writers.append(Writer(f"w{len(writers)}", follow_chain(log), generation))
            continue
        marks = writer.marks(FULL if what == "snapshot" else INCREMENTAL, parts)
        records = [
            Written(len(log) + i, mark, f"{mark.content}/{mark.part};".encode())
            for i, mark in enumerate(marks)
        ]
        if what == "broken":  # it died before all parts were there
            log += records[:-1]
            continue
        log += records
        if what == "twice":  # the broker took a part again that it had already
            log.append(replace(records[0], offset=len(log)))
        writer.wrote(records)
    wrote = [w for w in writers if any(r.mark.content.startswith(f"{w.name}:") for r in log)]
    complete = [w for w in wrote if w.links and w.links[-1].mark.epoch == w.epoch]
    expected = max(complete, key=lambda w: (w.epoch, w.links[-1].offset)).links if complete else []
    found = follow_chain(log)
    event(f"{len(complete)} writers")
    assert [(link.mark, link.data) for link in found] == [
        (link.mark, link.data) for link in expected
    ]
    if found:  # and it can be read from where its last record says
        again = follow_chain([r for r in log if r.offset >= found[-1].mark.base])
        assert [link.mark for link in again] == [link.mark for link in found]


def test_a_chain_that_has_lost_its_beginning_is_an_error() -> None:
    mark = Mark(INCREMENTAL, "b", "a", 0, 1, 7, Epoch(0, 1), "g", "s")
    with pytest.raises(StateError, match="all that it follows"):
        follow_chain([Written(9, mark, b"")])


@pytest.mark.parametrize("name", ["content", "part", "epoch", "base", "state"])
def test_a_record_of_somebody_else_is_an_error(name: str) -> None:
    mark = Mark(INCREMENTAL, "b", "a", 0, 1, 7, Epoch(0, 1), "g", "s")
    assert Mark.read(mark.headers()) == mark
    with pytest.raises(StateError, match="no worker has written"):
        Mark.read([(n, v) for n, v in mark.headers() if n != name])
