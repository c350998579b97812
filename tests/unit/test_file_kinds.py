"""Files as a source: recognised by their columns, in the forms that programs write."""

from __future__ import annotations

import gzip
import json
import logging
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamsim.consumers.clean.cleaner import Cleaned, decode
from streamsim.consumers.clean.rejected import rejected
from streamsim.consumers.collect.records import collect
from streamsim.producers.file_kinds import find_files, names_of
from streamsim.producers.files import FileSource
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import file_slices
from streamsim.simulator.in_process import as_records
from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.errors import SourceError
from streamsim.streams.events import FOUND_AT, REASON
from streamsim.streams.spec.world import Slice
from streamsim.streams.tables.exact_json import decode_lines
from tests.contract.runs import bodies

HEADER = "event_id,event_time,card_id,terminal_id,amount_cents"
LINES = ("p1,2025-03-01T10:00:00Z,c1,t1,1200", "p2,2025-03-01T10:05:00Z,c1,t1,1300")
CSV = "\n".join((HEADER, *LINES)) + "\n"
EVENTS = [("p1", "c1", 1200), ("p2", "c1", 1300)]


Dead = list[tuple[bytes, dict[str, str]]]


def sent(path: Path, domain: str = "finance") -> tuple[list[Any], Dead]:
    """Return a file's events, and its dead letters: the value, and the headers."""
    spec = load_domain(domain)
    events: list[Any] = []
    dead: list[tuple[bytes, dict[str, str]]] = []
    for file, kind in find_files(spec.inputs, path):
        source = FileSource(spec.inputs, file, kind, spec.longest_delay)
        for records in as_records(spec, wire(spec, source.slices())):
            batch = collect(records)
            found, _, refused = decode(batch, spec.source(records.source))
            cleaned = Cleaned(found, *[found.event_time] * 2, refused, *[found.event_time[:0]] * 3)
            if records.source == spec.trigger.name:
                events += zip(
                    found.event_id,
                    found.columns[spec.trigger.key],
                    found.columns.get("amount_cents", found.event_time),
                    strict=True,
                )
            for out in rejected(spec, batch, cleaned):
                dead.append((out.value or b"", {k: v.decode() for k, v in out.headers}))
    return [tuple(getattr(v, "item", lambda v=v: v)() for v in row) for row in events], dead


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", CSV.encode()),
        ("A.CSV", CSV.encode()),
        ("a.txt", CSV.encode()),
        ("a.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("a.csv", CSV.encode("utf-16")),
        ("a.csv", CSV.replace("\n", "\r\n").encode()),
        ("a.csv", CSV.replace("\n", "\r").encode()),
        ("a.csv", CSV.replace(",", ";").encode()),
        ("a.csv", CSV.replace(",", ", ").encode()),
        ("a.csv", CSV.replace("Z,c1,t1,1", "Z,c1,t1,1").replace("00\n", "00,\n").encode()),
        ("a.csv", ("Payments\n\n" + CSV).encode()),
        ("a.csv", ("sep=,\n" + CSV).encode()),
        ("a.csv", ("# x\n" + CSV).encode()),
        ("a.csv", gzip.compress(CSV.encode(), mtime=0)),
        (
            "a.csv.gz",
            gzip.compress(CSV[:70].encode(), mtime=0) + gzip.compress(CSV[70:].encode(), mtime=0),
        ),
    ],
)
def test_csv_as_programs_save_it_is_streamed(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert sent(tmp_path / name) == (EVENTS, [])


ROWS = [dict(zip(HEADER.split(","), line.split(","), strict=True)) for line in LINES]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, ROWS)),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        json.dumps({"payments": ROWS}),
        json.dumps({"columns": list(ROWS[0]), "data": [list(row.values()) for row in ROWS]}),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_of_every_shape_is_streamed(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert sent(tmp_path / name) == (EVENTS, [])


TIMES = pa.array([1_740_823_200_000, 1_740_823_500_000]).cast(pa.timestamp("ms"))


@pytest.mark.parametrize(
    "columns",
    [
        {"event_time": TIMES.cast(pa.timestamp("ns"))},
        {"event_time": TIMES.cast(pa.timestamp("us", "UTC"))},
        {"event_time": TIMES.cast(pa.timestamp("us", "UTC")).cast(
            pa.timestamp("us", "Europe/Berlin"))},
        {"amount_cents": pa.array([Decimal("1200"), Decimal("1300")], pa.decimal128(10, 0))},
        {"amount_cents": pa.array([Decimal("1200.00"), Decimal("1300.00")], pa.decimal128(10, 2))},
        {"amount_cents": pa.array([1200.0, 1300.0])},
        {"card_id": pa.array([b"c1", b"c1"], pa.binary())},
        {"card_id": pa.array(["c1", "c1"]).dictionary_encode()},
        {"card_id": pa.array(["c1", "c1"], pa.large_string())},
        {"booked": pa.array([date(2025, 3, 1), None])},
        {"terminal_id": pa.array([1, 2])},
    ],
)  # fmt: skip
def test_parquet_of_any_writer_is_streamed(tmp_path: Path, columns: dict[str, Any]) -> None:
    plain = {name: pa.array([row[name] for row in ROWS]) for name in HEADER.split(",")} | {
        "amount_cents": pa.array([1200, 1300])
    }
    pq.write_table(pa.table(plain | columns), tmp_path / "a.parquet")
    assert sent(tmp_path / "a.parquet") == (EVENTS, [])


def test_int96_instants_are_read(tmp_path: Path) -> None:
    table = pa.table({name: [row[name] for row in ROWS] for name in HEADER.split(",")})
    table = table.set_column(1, "event_time", TIMES.cast(pa.timestamp("ns")))
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    assert sent(tmp_path / "a.parquet") == (EVENTS, [])


BAD = {
    "p3,yesterday,c1,t1,1": "event_time: not an instant: 'yesterday'",
    "p3,2025-03-01T10:06:00Z,,t1,1": "card_id: missing",
    "p3,2025-03-01T10:06:00Z,c1,t1,twelve": "amount_cents: not an integer: 'twelve'",
    "p3,2025-03-01T10:06:00Z,c1,t1,12.50": "amount_cents: not an integer: '12.50'",
    "p3,2025-03-01T10:06:00Z,c1,t1,-5": "amount_cents: not between 0 and 1e+08",
    ",2025-03-01T10:06:00Z,c1,t1,1": "event_id: missing",
    "p3,2025-03-01T10:06:00Z,c1,t1,1,2": "6 cells under a header of 5",
    "p3,2025-03-01T10:06:00Z": "2 cells under a header of 5",
    'p3,2025-03-01T10:06:00Z,"c1,t1,1': "a quotation mark without its other",
    "p3,2025-03-01T10:06:00Z,c\0,t1,1": "a NUL character in the line",
    "p3,2025-03-01T10:06:00Z,\udce9,t1,1": "not UTF-8, from byte 25 of the line",
}


@pytest.mark.parametrize(("line", "reason"), BAD.items())
def test_a_dead_letter_says_the_line_the_field_and_the_value(
    tmp_path: Path, line: str, reason: str
) -> None:
    data = "\n".join((HEADER, LINES[0], line, LINES[1])).encode("utf-8", "surrogateescape")
    (tmp_path / "a.csv").write_bytes(data)
    events, ((value, headers),) = sent(tmp_path / "a.csv")
    assert events == EVENTS
    assert headers[REASON] == reason
    assert headers[FOUND_AT] == "a.csv:3"
    if "between" not in reason and "event_id" not in reason:
        assert value == line.encode("utf-8", "surrogateescape")


def test_a_column_of_another_name_is_named_in_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT\n"
        "1,2018-04-01 00:00:31,596,3156,12.50\n2,2018-04-01 00:00:32,596,3156,a lot\n"
    )
    _, ((value, headers),) = sent(tmp_path / "a.csv")
    assert headers[REASON] == "amount_cents: not an integer, in TX_AMOUNT: 'a lot'"
    assert value == b"2,2018-04-01 00:00:32,596,3156,a lot"


def test_what_a_patient_s_row_holds_is_in_no_reason(tmp_path: Path) -> None:
    records = [
        {"subject_id": 7, "time": "1950-03-01T10:00:00", "code": "MEDS_BIRTH"},
        {"subject_id": 7, "time": "John Roe", "code": "HOSPITAL_DISCHARGE//HOME"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, records)))
    _, dead = sent(tmp_path / "a.jsonl", "healthcare")
    (headers,) = [own for _, own in dead if FOUND_AT in own]
    assert headers[REASON] == "event_time: not an instant, in time"
    assert headers[FOUND_AT] == "a.jsonl:2"


def test_digits_are_kept_however_many(tmp_path: Path) -> None:
    cards = ["4992346398065154184", "499234639806515418401", "499234639806515418402"]
    rows = [{**ROWS[0], "event_id": f"p{c}"} for c in cards]
    text = "\n".join(
        json.dumps(row).replace('"c1"', card) for row, card in zip(rows, cards, strict=True)
    )
    (tmp_path / "a.jsonl").write_text(text)
    events, dead = sent(tmp_path / "a.jsonl")
    assert [card for _, card, _ in events] == cards
    assert not dead


def test_a_folder_is_looked_through_and_what_is_not_read_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "part" / "deep").mkdir(parents=True)
    (tmp_path / "part" / "a.csv").write_text("\n".join((HEADER, LINES[0])))
    (tmp_path / "part" / "deep" / "b.csv").write_text("\n".join((HEADER, LINES[1])))
    (tmp_path / "other.csv").write_text("x,y\n1,2\n")
    for name in ("_SUCCESS", ".a.csv.crc", "README.md", "_delta.json"):
        (tmp_path / name).write_text("{}")
    with caplog.at_level(logging.WARNING):
        events, _ = sent(tmp_path)
    assert events == EVENTS
    (warning,) = caplog.messages
    assert "other.csv: its columns are x, y; that is no kind of file that is known" in warning


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "its columns are a, b; that is no kind .*; handbook lacks TRANSACTION_ID"),
        ("title\n\na,b\n1,2\n", r"its columns \(line 3\) are a, b"),
        (CSV.replace("terminal_id", "card_id"), "lacks terminal_id"),
        (CSV.replace("amount_cents", "amount_cents,amount_cents").replace("00\n", "00,1\n"),
         "two columns are called amount_cents"),
        ("", "empty"),
        ('{"payload": {"after": {"event_id": "p"}}}', "its columns are payload.after.event_id"),
    ],
)  # fmt: skip
def test_a_file_of_no_known_kind_is_told_what_it_has_and_lacks(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "a.csv" if "{" not in text else tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(SourceError, match=said) as caught:
        sent(tmp_path / ("a.csv" if "{" not in text else "a.jsonl"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", domain_names())
def test_what_stands_on_invented_times_is_a_feature(name: str) -> None:
    spec = load_domain(name)
    undated = {feature for kind in spec.inputs.files for feature in kind.undated}
    assert undated <= set(spec.features.vector.names)
    assert (name == "healthcare") == bool(undated)


@pytest.mark.parametrize(
    "line",
    [
        '{"card_id":"c1","card_id":"c2"}',
        '{"card_id" : "c1", "card_id" : "c2"}',
        '{"a":{"card_id":1},"b":[{"card_id":1,"card_id":1}]}',
    ],
)
def test_a_name_that_comes_twice_in_a_streamed_object_is_refused(line: str) -> None:
    rows, bad = decode_lines([line.encode()])
    assert rows == [None]
    assert bad == {0: "card_id: twice in one object"}


@pytest.mark.parametrize(
    "line", ['{"a":{"id":1},"b":{"id":2}}', '{"note":"\\"id\\":1, \\"id\\":2"}', '{"a":[{"id":1}]}']
)
def test_a_name_that_comes_once_in_each_object_is_read(line: str) -> None:
    assert decode_lines([line.encode()]) == ([json.loads(line)], {})


HANDBOOK = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD"


def handbook(path: Path, *cells: str) -> list[Slice]:
    rows = [f"{i},2025-01-0{i} 10:00:00,c,t,{own}" for i, own in enumerate(cells, 1)]
    path.write_text("\n".join([HANDBOOK, *rows]) + "\n")
    return list(file_slices(load_domain("finance"), path))


@pytest.mark.parametrize("yes", ["1", "1.0", "True", "true", "yes"])
def test_a_flag_is_read_as_programs_write_it(yes: str, tmp_path: Path) -> None:
    no = {"1": "0", "1.0": "0.0", "True": "False", "true": "false", "yes": "no"}[yes]
    slices = handbook(tmp_path / "hb.csv", f"9.50,{yes}", f"9.50,{no}", "9.50,")
    labels = bodies(slices, "chargebacks")
    assert [label["transaction_id"] for label in labels] == ["tx-1"]


def test_a_flag_that_says_neither_and_an_amount_with_part_of_a_cent_are_refused(
    tmp_path: Path,
) -> None:
    slices = handbook(tmp_path / "hb.csv", "9.50,2", "12.345,0", "0.3,0")
    notes = [
        note.refused
        for piece in slices
        for emission in piece.emissions
        for note in emission.notes or ()
        if note is not None and note.refused
    ]
    assert notes[0] == "TX_FRAUD: neither yes nor no: '2'"
    assert notes[1].startswith("amount_cents: ")
    assert "in TX_AMOUNT: '12.345'" in notes[1]
    assert len(notes) == 2


def test_rows_of_several_files_have_ids_of_their_own(tmp_path: Path) -> None:
    """An id that is the number of a row would be one id for a row of each file."""
    head = "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest"
    head += ",newbalanceDest,isFraud,isFlaggedFraud"
    (tmp_path / "a").mkdir()
    for name, fraud in (("part.csv", 0), ("a/part.csv", 1)):
        row = f"1,PAYMENT,9.5,C1,1,1,M1,0,0,{fraud},0"
        (tmp_path / name).write_text(f"{head}\n{row}\n{row.replace(',1,0', ',0,0')}\n")
    slices = list(file_slices(load_domain("finance"), tmp_path))
    ids = [str(body["event_id"]) for body in bodies(slices, "transactions")]
    assert sorted(ids) == [
        "paysim-a/part/1",
        "paysim-a/part/2",
        "paysim-part/1",
        "paysim-part/2",
    ]
    (label,) = bodies(slices, "chargebacks")
    assert label["transaction_id"] == "paysim-a/part/1"


def test_files_whose_names_differ_only_in_their_ending_keep_it(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("x.csv", "x.parquet", "sub/y.v1.csv.gz")]
    assert names_of(files, tmp_path) == ["x.csv", "x.parquet", "sub/y.v1"]
    assert names_of(files[:1], tmp_path) == [""]


def test_what_else_a_document_holds_is_said_once_and_only_if_it_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        dict(
            zip(
                HEADER.split(","),
                (f"p{n}", f"2025-03-01T10:{n:02}:00Z", "c1", "t1", 5),
                strict=True,
            )
        )
        for n in range(30)
    ]
    payments = {"payments": rows, "plans": [{"id": 1}, {"id": 2}]}
    others = {"members": [{"id": n} for n in range(30)], "plans": [{"id": 1}]}
    (tmp_path / "payments.json").write_text(json.dumps(payments))
    (tmp_path / "others.json").write_text(json.dumps(others))
    with caplog.at_level(logging.WARNING):
        ((file, _),) = find_files(load_domain("finance").inputs, tmp_path)
    assert file.name == "payments.json"
    said, unread = sorted(caplog.messages, key=lambda text: text.startswith("not read"))
    assert said.endswith("payments.json: the rows are those of payments (30); not read: plans (2)")
    assert unread.startswith(f"not read: {tmp_path / 'others.json'}: its columns are id;")
