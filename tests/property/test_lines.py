"""Unchecked files: no line makes a reader fail, and no text is changed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamsim.streams.tables.delimited import split_lines
from streamsim.streams.tables.heading import Heading
from tests.property.examples import examples
from tests.property.sheets import COLUMNS, DEAD, FORMATS, GOOD, batches_of, events_of

CHUNKS = st.sampled_from([1, 3, 50_000])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines")


def as_csv(cells: list[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue().encode()


HEADER = as_csv(list(COLUMNS))
ODD = ["", " ", "x", "-1", "1.5", "1e19", "1e300", "inf", "-inf", "nan", "0x10", "now", "\r", "\0",
       "é", '"', 'a"b', "'", ",", "1" * 400, "x" * 140_000, "0001-01-01T00:00:00Z", "9999-12-31",
       "2025-01-06T00:00:00+23:59", "2025-01-06T00:00:00.123456789Z", "1735689600000"]  # fmt: skip
CELLS = st.sampled_from(ODD) | st.text(max_size=5)


def one_cell_changed(at: int, cell: str) -> bytes:
    return as_csv([cell if i == at else GOOD[name] for i, name in enumerate(COLUMNS)])


CSV_LINES = st.one_of(
    st.binary(max_size=20),
    st.lists(CELLS, max_size=8).map(as_csv),
    st.lists(CELLS, max_size=8).map(",".join).map(str.encode),
    st.builds(one_cell_changed, st.integers(0, len(COLUMNS) - 1), CELLS),
)


@examples(0.5)
@given(
    st.lists(CSV_LINES.filter(lambda line: bool(line) and b"\n" not in line), max_size=40),
    st.sampled_from(["utf-8", "cp1252", "utf-16"]),
)
@example([b'a,"b', b'c",d', *[b"1,2"] * 30], "utf-8")
def test_lines_that_are_split_together_have_the_cells_of_each(
    lines: list[bytes], encoding: str
) -> None:
    heading = Heading(("a", "b", "c"), ",", 1)
    whole = split_lines(lines, heading, encoding)
    single = [split_lines([line], heading, encoding) for line in lines]
    assert whole.cells == [own.cells[0] for own in single]
    assert whole.bad == {row: own.bad[0] for row, own in enumerate(single) if own.bad}


VALUES = st.one_of(
    st.sampled_from([None, True, False, 0, -1, 1.5, 2**63, 2**64 - 1, 1e19, 1e300, -1e300,
                     [], {}, [1], {"a": 1}, [[]]]),
    CELLS,
)  # fmt: skip
JSON_LINES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([b"[]", b"1", b'{"a"', b"NaN", b"{}", b"[" * 3_000]),
    st.builds(
        lambda name, value: json.dumps({**GOOD, name: value}).encode(),
        st.sampled_from(COLUMNS),
        VALUES,
    ),
    st.dictionaries(st.sampled_from(COLUMNS), VALUES).map(lambda o: json.dumps(o).encode()),
)


def check_lines(path: Path, head: list[bytes], lines: list[bytes], chunk: int) -> None:
    """Each line that is not blank is sent once: as an event, or unchanged."""
    lines = [line.replace(b"\n", b"") for line in lines]
    path.write_bytes(b"\n".join([*head, *lines]) + b"\n")
    expected = 1 + sum(1 for line in lines if line.strip())
    sent = [
        value
        for batch in batches_of(path, chunk)
        for source, value, beat in zip(batch.source, batch.value, batch.heartbeat, strict=True)
        if not beat and source == "transactions"
    ]
    assert len(sent) == expected
    unread = Counter(line.strip() for line in lines if line.strip() and not _is_read(path, line))
    assert not unread - Counter(value.strip() for value in sent if value is not None)
    assert len(events_of(path, chunk)["transactions"]) == expected


def _is_read(path: Path, line: bytes) -> bool:
    """Say whether a line has the form of a row, with any content."""
    try:
        if path.suffix == ".csv":
            cells = next(csv.reader([line.strip().decode("utf-8-sig")]), [])
            return len(cells[: len(COLUMNS)]) == len(COLUMNS) and not any(cells[len(COLUMNS) :])
        return isinstance(json.loads(line), dict)
    except (ValueError, csv.Error, RecursionError):
        return False


@examples(0.7)
@given(st.lists(CSV_LINES, max_size=6), CHUNKS)
@example([one_cell_changed(4, "1e300")], 1)
@example([one_cell_changed(4, "inf")], 1)
@example([one_cell_changed(0, "x" * 140_000)], 1)
@example([b"e\r0" + one_cell_changed(0, "")], 1)
def test_no_line_of_a_csv_file_makes_the_reader_fail(
    folder: Path, lines: list[bytes], chunk: int
) -> None:
    head = [HEADER, as_csv([GOOD[name] for name in COLUMNS])]
    check_lines(folder / "f.csv", head, lines, chunk)


@examples(0.7)
@given(st.lists(JSON_LINES, max_size=6), CHUNKS)
@example([json.dumps({**GOOD, "amount_cents": 1e300}).encode()], 1)
def test_no_line_of_a_json_lines_file_makes_the_reader_fail(
    folder: Path, lines: list[bytes], chunk: int
) -> None:
    check_lines(folder / "f.jsonl", [json.dumps(GOOD).encode()], lines, chunk)


@pytest.mark.parametrize("value", ["now", "today", -1, True, 1_736_121_600_000])
def test_what_is_no_instant_is_none(folder: Path, value: Any) -> None:
    FORMATS[".jsonl"](folder / "t.jsonl", [GOOD, {**GOOD, "event_time": value}])
    assert events_of(folder / "t.jsonl")["transactions"][1:] == [DEAD]


NOT_XML = re.compile("[^\t\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 can hold (https://www.w3.org/TR/xml/#charsets)."""
BEGIN, END = st.sampled_from(["", " ", "1"]), st.sampled_from([" ", ".0"])
TEXTS = st.text(min_size=1, max_size=6) | st.builds(
    "{}{}{}".format, BEGIN, st.text(max_size=3), END
)
NAMES = ("event_id", "card_id", "terminal_id", "category")


def check_texts(path: Path, texts: list[str]) -> None:
    row = GOOD | dict(zip(NAMES, texts, strict=True))
    FORMATS[path.suffix](path, [row])
    (event,) = events_of(path)["transactions"]
    assert event != DEAD
    assert [event[name] for name in NAMES] == texts


@pytest.mark.parametrize("suffix", FORMATS)
@examples(0.5)
@given(st.lists(TEXTS, min_size=len(NAMES), max_size=len(NAMES)))
@example(["e", "1.0", "t", "x"])
@example(["e", "c", "t", "x "])
def test_texts_arrive_as_they_are(folder: Path, suffix: str, texts: list[str]) -> None:
    one_line = [text.replace("\r", "x").replace("\n", "x") for text in texts]
    if suffix == ".xml":
        one_line = [NOT_XML.sub("x", text) for text in one_line]
    check_texts(folder / f"f{suffix}", one_line)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])  # a cell of CSV ends with its line
@pytest.mark.parametrize("text", ["two\nlines", "two\r\nlines", "two\rlines"])
def test_texts_of_two_lines_arrive_as_they_are(folder: Path, text: str, suffix: str) -> None:
    check_texts(folder / f"f{suffix}", ["e", "c", "t", text])
