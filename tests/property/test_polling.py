"""Polling: the last change of each key is its row, for any writes and poll times."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from streamsim.producers.database import ChangePoller, Position
from streamsim.producers.upsert import Update, UpsertTable
from tests.customers import TABLE, contents, everything

KEYS = st.sampled_from(["1", "02", "C-3", "ü"])
UPDATES = st.builds(
    Update,
    key=KEYS,
    updated_at=st.integers(0, 2**41),
    values=st.dictionaries(st.sampled_from(list(TABLE.columns)), st.text("a'\"%é0", max_size=3)),
)
POLL, RESUME = "poll", "resume"
STEPS = st.lists(
    st.one_of(st.lists(UPDATES, min_size=1, max_size=4), st.just(POLL), st.just(RESUME)),
    max_size=10,
)


@given(steps=STEPS, page=st.integers(1, 5), overlap=st.sampled_from([0, 1, 3, 1000]))
def test_the_last_change_of_each_key_is_what_is_there(
    steps: list[Any], page: int, overlap: int
) -> None:
    # In memory, shared by those who have it open: a file would be written to the disk each time.
    url = f"sqlite:///file:{uuid4()}?mode=memory&cache=shared&uri=true"
    table = UpsertTable(url, TABLE)
    poller = ChangePoller(url, TABLE, page, overlap=overlap)
    seen, written = [], 0
    for step in steps:
        if step == POLL:
            changes = poller.poll()
            assert len(changes) <= page
            seen += changes
        elif step == RESUME:
            position = poller.position.dump()
            poller.close()
            poller = ChangePoller(url, TABLE, page, overlap=overlap)
            poller.position = Position.load(position)
        else:
            assert table.upsert(step) == [written + i + 1 for i in range(len(step))]
            written += len(step)
    seen += everything(poller)
    versions = [change.version for change in seen]
    assert versions == sorted(set(versions))
    columns = list(TABLE.columns)
    newest = {
        change.row["household_id"]: (change.version, *(change.values[name] for name in columns))
        for change in seen
    }
    assert newest == contents(url, TABLE.version, *TABLE.columns.values())
    table.close()
    poller.close()
