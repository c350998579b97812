"""XML rows are extracted whole, for any chunks of bytes, and no row is lost silently."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamsim.streams.spec.input_maps import Dialect
from streamsim.streams.tables.nested import columns_at, flat
from streamsim.streams.tables.opening import open_table
from streamsim.streams.tables.row_readers import read_chunks
from streamsim.streams.tables.text_lines import MAX_LINE
from streamsim.streams.tables.xml_rows import Cutter, parse_elements

GOOD = st.sampled_from(
    [b"<s/>", b'<s a="1"/>', b'<s a="1"><x>2</x></s>', b"<s >&lt;</s>", b"<s>\n<y b='2'/>\n</s >"]
)
OWN = st.sampled_from(
    [
        b"",
        b" ",
        b"\n",
        b"<log>",
        b"</log>",
        b'<?xml version="1.0"?>',
        b"<!-- <s>no</s> -->",
        b"<so/>",
    ]
)
ODD = st.sampled_from(
    [
        b"<s",
        b"<s>",
        b"</s>",
        b"Q",
        b"<",
        b">",
        b"<!--",
        b"-->",
        b"<!DOCTYPE s>",
        b"<s b=",
        b"/>",
        b"\xff",
    ]
)


def cut(document: bytes, edges: Sequence[int], longest: int = 1000) -> list[bytes]:
    cutter = Cutter("s", longest)
    bounds = [0, *sorted(e % (len(document) + 1) for e in edges), len(document)]
    rows = [row for low, high in pairwise(bounds) for row in cutter.feed(document[low:high])]
    return rows + list(cutter.end())


EDGES = st.lists(st.integers(0, 1000), max_size=12)


@given(st.lists(st.tuples(OWN, GOOD)), OWN, EDGES)
def test_the_rows_of_a_document_come_out_and_nothing_else(
    parts: list[tuple[bytes, bytes]], last: bytes, edges: list[int]
) -> None:
    document = b"".join(own + row for own, row in parts) + last
    rows = cut(document.replace(b"<!-- <s>no</s> -->", b"<!-- no -->"), edges)
    assert rows == [row for _, row in parts]
    assert None not in parse_elements(rows, "utf-8")


@given(st.lists(GOOD | OWN | ODD, max_size=12).map(b"".join), EDGES)
@example(b"<s>1<s>2</s></s>Q", [])
def test_however_the_bytes_come_the_rows_are_the_same(document: bytes, edges: list[int]) -> None:
    assert cut(document, edges) == cut(document, [])


@given(st.lists(GOOD | OWN | ODD, max_size=12).map(b"".join))
def test_what_is_no_row_is_one_too(document: bytes) -> None:
    rows = cut(document, [])
    at = 0
    for row in rows:  # in the order of the document
        first = document.find(row[:1], at)
        assert first >= 0
        at = first
    for mark in (b"Q", b"\xff", b"<!DOCTYPE"):
        commented = document.count(b"<!--") and document.count(b"-->")
        if not commented:
            assert sum(row.count(mark) for row in rows) == document.count(mark)


@given(
    st.lists(GOOD | ODD, max_size=6), st.sampled_from(["utf-8", "cp1252", "klingon", "punycode"])
)
def test_rows_are_parsed_together_as_they_are_alone(rows: list[bytes], encoding: str) -> None:
    single = [parse_elements([row], encoding)[0] for row in rows]
    assert parse_elements(rows, encoding) == single


def test_a_row_without_end_is_cut_off_and_the_next_is_found() -> None:
    cutter = Cutter("s", 1 << 16)
    rows = list(cutter.feed(b"<log><s><x>"))
    for _ in range(200):
        rows += cutter.feed(b"y" * (1 << 16))
        assert len(cutter._rest) < 1 << 18
    rows += cutter.feed(b"</x></s><s>1</s>")
    assert [len(row) for row in rows] == [1 << 16, 8]


def test_a_bomb_is_dead_with_its_bytes_and_costs_nothing(tmp_path: Path) -> None:
    entities = b"".join(b'<!ENTITY e%d "%s">' % (i, b"&e%d;" % (i - 1) * 10) for i in range(1, 12))
    bomb = b'<?xml version="1.0"?><!DOCTYPE log [<!ENTITY e0 "ha">' + entities + b"]>\n"
    path = tmp_path / "bomb.xml"
    path.write_bytes(bomb + b"<log><s><x>&e11;</x></s><s><x>1</x></s></log>")
    (chunk,) = read_chunks(open_table(path, Dialect(row="s")), ["x"])
    assert chunk.frame["x"].tolist() == [None, None, "1"]
    assert chunk.original(0).startswith(b"<!DOCTYPE log")
    assert chunk.original(1) == b"<s><x>&e11;</x></s>"


def test_a_file_that_ends_in_the_middle_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "cut.xml"
    path.write_bytes(b"<log><s><x>1</x></s><s><x>2</")
    (chunk,) = read_chunks(open_table(path, Dialect(row="s")), ["x"])
    assert chunk.frame["x"].tolist() == ["1", None]
    assert chunk.original(1) == b"<s><x>2</"


def test_comments_that_are_never_closed_take_no_time() -> None:
    cutter = Cutter("s", MAX_LINE)
    rows = list(cutter.feed(b"<!--" * (1 << 19))) + list(cutter.end())
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("suffix", "row"),
    [
        (".jsonl", '{"a":' * 900 + "1" + "}" * 900),
        (".jsonl", '{"a":' + "[" * 900 + "]" * 900 + "}"),
        (".xml", "<row>" + "<a>" * 9000 + "</a>" * 9000 + "</row>"),
    ],
)
def test_rows_that_are_nested_without_end_harm_nobody(
    tmp_path: Path, suffix: str, row: str
) -> None:
    good = {".jsonl": '{"b":{"c":"1"}}', ".xml": "<row><b><c>1</c></b></row>"}[suffix]
    path = tmp_path / f"deep{suffix}"
    path.write_text(f"{row}\n{good}\n")
    table = open_table(path, Dialect())
    assert "b.c" in table.names
    (chunk,) = read_chunks(table, ["b.c"])
    assert chunk.frame["b.c"].tolist() == [None, "1"]
    assert chunk.original(0) == row.encode()


NAMES = st.sampled_from(["a", "b", "a.b", ""])
NESTED = st.recursive(
    st.none() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
)


@given(
    st.lists(st.none() | st.dictionaries(NAMES, NESTED, max_size=3), max_size=5),
    st.lists(st.sampled_from(["a", "b", "a.b", "a.a.b", "b.a.b", "a."]), unique=True),
)
def test_columns_are_those_of_the_flattened_rows(
    rows: list[dict[str, Any]], paths: list[str]
) -> None:
    flattened = [dict(flat(row or {})) for row in rows]
    if not any("." in path for path in paths):
        flattened = [row or {} for row in rows]
    assert columns_at(rows, paths) == {p: [row.get(p) for row in flattened] for p in paths}
