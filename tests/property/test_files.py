"""Files: the same rows give the same events, in every format and chunk size."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import file_slices
from streamsim.streams.codec import format_times
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec import DAY
from tests.property.examples import examples
from tests.property.logs import SPEC
from tests.property.sheets import (
    COLUMNS,
    DEAD,
    FORMATS,
    GOOD,
    REQUIRED,
    SHIFTS,
    WORDS,
    Row,
    batches_of,
    events_of,
    payments,
)

CHUNKS = st.sampled_from([1, 3, 17])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def read_in_all_ways(folder: Path, rows: Sequence[Row], chunk: int) -> dict[str, list[Any]]:
    """Read the rows whole from JSON Lines, and in chunks from every kind of file."""
    for suffix, write in FORMATS.items():
        write(folder / f"f{suffix}", rows)
    whole = events_of(folder / "f.jsonl")
    for suffix in FORMATS:
        assert events_of(folder / f"f{suffix}", chunk) == whole, suffix
    return whole


@examples(0.3)
@given(payments(), CHUNKS)
def test_every_format_and_every_chunk_gives_the_events_of_the_rows(
    folder: Path, rows: list[Row], chunk: int
) -> None:
    found = read_in_all_ways(folder, rows, chunk)["transactions"]
    assert len(found) == len(rows)
    for event, row in zip(found, rows, strict=True):
        assert (event == DEAD) == (row["amount_cents"] < 0)
        if event != DEAD:
            assert {name: event[name] for name in COLUMNS} == {
                **row,
                "event_time": round(datetime.fromisoformat(row["event_time"]).timestamp() * 1000),
            }


@examples(0.3)
@given(payments(), CHUNKS)
def test_the_chunks_of_a_file_make_no_difference_to_its_slices(
    folder: Path, rows: list[Row], chunk: int
) -> None:
    """So several files are merged in the same order however they are read."""
    FORMATS[".jsonl"](folder / "f.jsonl", rows)
    in_chunks, whole = (
        [(b.due.tolist(), b.value) for b in batches_of(folder / "f.jsonl", size)]
        for size in (chunk, 50_000)
    )
    assert in_chunks == whole


HOLES = st.none() | WORDS


@examples(0.3)
@given(
    payments(
        times=st.none() | st.sampled_from(["", "soon", "2025-02-30"]),
        event_id=HOLES,
        card_id=HOLES,
        terminal_id=HOLES,
        amount_cents=st.none() | st.integers(0, 10),
        max_size=7,  # too few to make the first row's time implausible
    ),
    CHUNKS,
)
def test_a_row_with_a_hole_is_dead_and_no_other(folder: Path, rows: list[Row], chunk: int) -> None:
    rows = [GOOD, *rows]
    found = read_in_all_ways(folder, rows, chunk)["transactions"]
    assert [event == DEAD for event in found] == [
        any(row[name] is None for name in REQUIRED) or len(row["event_time"]) < 20 for row in rows
    ]


WILD_SHIFTS = (*SHIFTS, -400 * DAY)


@examples(0.3)
@given(payments(times=st.none(), shifts=WILD_SHIFTS, first_is_right=False), CHUNKS)
@example([GOOD, *[{**GOOD, "event_time": None}] * 9], 3)
@example([{**GOOD, "event_time": None}, GOOD], 3)
@example([{**GOOD, "event_time": "2026-01-06T00:00:00.000Z"}, *[GOOD] * 9], 3)
@example([{**GOOD, "event_time": "1900-01-06T00:00:00.000Z"}, GOOD], 3)
@example([GOOD, {**GOOD, "event_time": "9999-12-31T00:00:00.000Z"}], 3)
def test_a_file_may_hold_any_time_or_none(folder: Path, rows: list[Row], chunk: int) -> None:
    found = read_in_all_ways(folder, rows, chunk)["transactions"]
    assert len(found) == len(rows)


@pytest.mark.parametrize("broken", [1, 8, 9, 16, 40])
def test_rows_without_a_time_say_nothing_against_the_rows_before(folder: Path, broken: int) -> None:
    later = {**GOOD, "event_time": "2025-01-20T00:00:00.000Z"}
    rows = [GOOD, *[GOOD] * 16, later, *[{**GOOD, "event_time": None}] * broken, later]
    FORMATS[".jsonl"](folder / "f.jsonl", rows)
    found = events_of(folder / "f.jsonl")["transactions"]
    ahead = [e for e in found if e != DEAD and e["event_time"] - e["clock"] > DAY]
    assert found.count(DEAD) == broken
    assert not ahead  # or the cleaner would bury it


NUMBERS = st.one_of(st.none(), st.integers(0, 99), st.integers(10**14, 2**63 - 1))


@examples(0.3)
@given(payments(event_id=NUMBERS, card_id=NUMBERS, terminal_id=NUMBERS), CHUNKS)
@example([{**GOOD, "card_id": 2**53 + 1}, {**GOOD, "card_id": None}], 3)
def test_numbers_are_identifiers_too_and_keep_their_digits(
    folder: Path, rows: list[Row], chunk: int
) -> None:
    names = ("event_id", "card_id", "terminal_id")
    rows = [dict.fromkeys(names, 1) | GOOD | {name: row[name] for name in names} for row in rows]
    found = read_in_all_ways(folder, rows, chunk)["transactions"]
    for event, row in zip(found, rows, strict=True):
        assert (event == DEAD) == (None in [row[name] for name in names])
        if event != DEAD:
            assert [event[name] for name in names] == [str(row[name]) for name in names]


INSTANTS = st.integers(0, 2**32).map(lambda second: datetime.fromtimestamp(second, UTC))


@examples(0.3)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "TRANSACTION_ID": st.integers(0, 10**9),
                "TX_DATETIME": INSTANTS.map("{:%Y-%m-%d %H:%M:%S}".format),
                "CUSTOMER_ID": st.integers(0, 9),
                "TERMINAL_ID": st.integers(0, 9),
                "TX_AMOUNT": st.integers(0, 10**6).map(lambda cents: cents / 100),
                "TX_FRAUD": st.integers(0, 1),
            }
        ),
        min_size=1,
        max_size=24,
    ).map(lambda rows: sorted(rows, key=lambda row: row["TX_DATETIME"])),
    CHUNKS,
)
def test_the_handbooks_files_and_the_labels_in_them(
    folder: Path, rows: list[Row], chunk: int
) -> None:
    found = read_in_all_ways(folder, rows, chunk)
    payments = found["transactions"]
    assert [p["event_id"] for p in payments] == [f"tx-{row['TRANSACTION_ID']}" for row in rows]
    assert [p["amount_cents"] for p in payments] == [round(row["TX_AMOUNT"] * 100) for row in rows]
    assert [format_times(np.array([p["event_time"]]))[0] for p in payments] == [
        row["TX_DATETIME"].replace(" ", "T") + ".000Z" for row in rows
    ]
    labels = [(b["transaction_id"], b["transaction_time"]) for b in found["chargebacks"]]
    assert labels == [
        (p["event_id"], p["event_time"])
        for p, row in zip(payments, rows, strict=True)
        if row["TX_FRAUD"]
    ]
    assert all(b["event_time"] == b["transaction_time"] + 7 * DAY for b in found["chargebacks"])


@examples(0.3)
@given(payments(), st.data())
def test_files_beside_each_other_are_sent_by_their_clocks(
    folder: Path, rows: list[Row], data: st.DataObject
) -> None:
    two = folder / "two"
    two.mkdir(exist_ok=True)
    parts = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    for half in (False, True):
        own = [row for row, part in zip(rows, parts, strict=True) if part is half]
        FORMATS[".jsonl"](two / f"{half}.jsonl", own or [GOOD])
    expected = Counter(dict(row)["event_id"] for row in rows)
    expected.update(["e"] * (2 - len(set(parts))))
    said, sent = NO_TIME, Counter[str]()
    for batch in wire(SPEC, file_slices(SPEC, two)):
        assert (batch.due >= said).all()
        if batch.heartbeat[0]:
            said = max(said, int(batch.due[0]))
        else:
            payments_ = zip(batch.source, batch.value, strict=True)
            sent.update(json.loads(v)["event_id"] for s, v in payments_ if s == "transactions")
    assert sent == expected
