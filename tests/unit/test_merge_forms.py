"""Merge of sources in the forms that programs write: read as they are, or refused in one line."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from streamsim.consumers.collect import merge_sources
from streamsim.streams.errors import SourceError, UsageError

SHOPS = [{"shop_id": 7, "town": "Ulm"}, {"shop_id": 8, "town": "Bonn"}]
CSV = b"shop_id,paid\n7,4.19\n8,2.50\n9,1.00\n"
EXPECTED = [["7", 4.19, "Ulm"], ["8", 2.5, "Bonn"]]


def merged(csv: Any, other: Any = None, **options: Any) -> pd.DataFrame:
    return merge_sources(csv, SHOPS if other is None else other, on="shop_id", **options)


def table(csv: Any, other: Any = None) -> list[list[Any]]:
    return merged(csv, other)[["shop_id", "paid", "town"]].to_numpy().tolist()


@pytest.mark.parametrize(
    "csv",
    [
        CSV,
        b"\xef\xbb\xbf" + CSV,
        CSV.decode().encode("utf-16"),
        CSV.decode().replace(",", "\t").encode("utf-16"),
        CSV.decode().encode("utf-32"),
        CSV.replace(b"\n", b"\r\n"),
        CSV.replace(b"\n", b"\r"),
        CSV.replace(b",", b";"),
        CSV.replace(b",", b"|"),
        CSV.replace(b",", b", "),
        b"sep=;\r\n" + CSV.replace(b",", b";").replace(b"\n", b"\r\n"),
        b"# made by x\n# at noon\n" + CSV,
        b"Takings by shop\nMarch, 2025\n\n" + CSV,
        CSV.replace(b"\n7", b",\n7").replace(b"\n8", b",\n8"),  # a comma at the ends of lines
        b"\n\n" + CSV.replace(b"\n", b"\n\n"),
        gzip.compress(CSV, mtime=0),
        gzip.compress(CSV[:20], mtime=0) + gzip.compress(CSV[20:], mtime=0),
        bz2.compress(CSV),
        lzma.compress(CSV),
        b'"shop_id","paid"\r\n"7","4.19"\r\n"8","2.50"\r\n',
    ],
)
def test_csv_as_programs_save_it_is_read(csv: bytes) -> None:
    assert table(csv) == EXPECTED
    assert table(io.BytesIO(csv)) == EXPECTED


FRAME = pd.DataFrame(SHOPS)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(SHOPS),
        json.dumps(SHOPS, indent=2),
        "\n".join(map(json.dumps, SHOPS)),
        "\n".join(json.dumps(row, indent=2) for row in SHOPS),
        "\x1e".join(map(json.dumps, SHOPS)),
        *(FRAME.to_json(orient=o) for o in ("columns", "index", "split", "table", "records")),
        json.dumps({"meta": {"n": 2}, "data": {"shops": SHOPS}}),
        json.dumps([{"shop": {"id": row["shop_id"]}, "town": row["town"]} for row in SHOPS]),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_of_every_shape_is_read(text: str, encoding: str) -> None:
    text = text.replace('{"shop": {"id": 7}', '{"shop_id": 7').replace(
        '{"shop": {"id": 8}', '{"shop_id": 8'
    )
    assert table(CSV, text.encode(encoding)) == EXPECTED


XML = (
    '<s xmlns="urn:x"><shop shop_id="7"><town>Ulm</town></shop>'
    '<shop shop_id="8"><town>Bonn</town></shop></s>'
)


@pytest.mark.parametrize(
    "xml",
    [
        XML,
        XML.replace("xmlns=", "xmlns:p=").replace("<shop", "<p:shop").replace("/shop", "/p:shop"),
        XML.replace("<town>", "<a:town xmlns:a='urn:a'>").replace("</town>", "</a:town>"),
    ],
)
def test_namespaces_are_no_part_of_names(xml: str) -> None:
    assert table(CSV, xml.encode()) == EXPECTED


def test_frames_lists_paths_and_parquet_are_sources_too(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "shops.parquet")
    (tmp_path / "paid.csv").write_bytes(CSV)
    for shops in (FRAME, SHOPS, tmp_path / "shops.parquet", str(tmp_path / "shops.parquet")):
        assert table(tmp_path / "paid.csv", shops) == EXPECTED
    with (tmp_path / "shops.parquet").open("rb") as file:
        assert table(CSV, file) == EXPECTED


def test_of_two_columns_with_one_name_both_stay() -> None:
    rows = merged(b"shop_id,amount,amount\n7,4.19,5.00\n")
    assert rows[["amount", "amount_2"]].to_numpy().tolist() == [[4.19, 5.0]]
    twice = b'[{"shop_id": 7, "town": "Ulm", "town": "Neu-Ulm"}]'
    assert merged(CSV, twice)[["town", "town_2"]].to_numpy().tolist() == [["Ulm", "Neu-Ulm"]]


def test_names_do_not_depend_on_the_order_of_keys() -> None:
    order = {"id": 27, "shop": {"id": 7, "name": "a"}, "total": 4.19}
    for item in (order, dict(reversed(order.items()))):
        rows = merge_sources(CSV, [item], on="shop_id")
        assert rows[["shop_id", "id", "name"]].to_numpy().tolist() == [["7", "27", "a"]]


def test_a_quotation_mark_without_its_other_costs_one_line() -> None:
    csv = b'shop_id,text\n7,hinge\n8,"5 inch pipe\n9,"two\nlines"\n10,bolt\n'
    rows = merged(csv, how="left")
    assert rows[["shop_id", "text"]].to_numpy().tolist() == [
        ["10", "bolt"], ["7", "hinge"], ["9", "two\nlines"]
    ]  # fmt: skip
    left = rows.attrs["report"]["left"]
    assert (left["rows"], left["bad"]) == (3, ["3: a quotation mark without its other"])


def test_a_cell_may_be_long() -> None:
    rows = merged(b"shop_id,note\n7," + b"x" * 300_000 + b"\n")
    assert [len(note) for note in rows["note"]] == [300_000]


def test_zeros_in_front_count_where_one_source_has_both() -> None:
    csv = b"shop_id,paid\n07,1.00\n7,2.00\n8,3.00\n"
    other = [{"shop_id": "07", "town": "Ulm"}, {"shop_id": "8", "town": "Bonn"}]
    rows = merged(csv, other)
    assert rows[["shop_id", "paid", "town"]].to_numpy().tolist() == [
        ["07", 1.0, "Ulm"], ["8", 3.0, "Bonn"]
    ]  # fmt: skip
    assert rows.attrs["report"]["zeros_kept"] == ("shop_id",)


def test_keys_that_look_alike_meet_or_are_told() -> None:
    csv = "shop_id,paid\nCafe\u0301,1\n27\u00a0,2\n\u200b31,3\n0x1B,4\n1e3,5\n+46,6\n".encode()
    keys = ["Caf\u00e9", "27", "31", "1000", "46"]
    rows = merged(csv, [{"shop_id": key, "n": 1} for key in keys])
    assert rows["shop_id"].tolist() == ["27", "31", "Caf\u00e9"]
    assert rows.attrs["report"]["left"]["examples"] == ("+46", "0x1B", "1e3")


def test_bytes_that_are_no_utf_8_are_noted() -> None:
    rows = merged("shop_id,town\n7,Müllheim\n".encode("cp1252"), [{"shop_id": 7, "n": 1}])
    assert rows["town"].tolist() == ["Müllheim"]
    notes = rows.attrs["report"]["left"]["notes"]
    assert notes == ["line 2 is not UTF-8; the file was read as cp1252"]


def test_an_hour_that_comes_twice_is_counted() -> None:
    csv = b"shop_id,at\n7,2018-10-28 01:45\n7,2018-10-28 02:15\n7,2018-10-28 02:15\n"
    rows = merged(csv, zone="Europe/Berlin")
    assert rows.attrs["report"]["left"]["doubtful_times"] == {"at": 2}


def test_the_report_says_what_was_inferred_and_from_what() -> None:
    csv = b"Shop ID;Paid;Code\n7;21,5;01\n8;3,25;02\n"
    columns = merged(csv).attrs["report"]["left"]["columns"]
    assert columns == {
        "shop_id": {"from": "Shop ID", "type": "id", "why": "its name ends in id"},
        "paid": {
            "from": "Paid", "type": "number",
            "why": "a comma separates the decimals: all 2 values, like '21,5'",
        },
        "code": {
            "from": "Code", "type": "text", "why": "'01' is not how the number 1 is written",
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"PK\x03\x04..[Content_Types].xml", r"an Excel workbook \(.xlsx\): save the sheet as CSV"),
        (b"SQLite format 3\x00", "an SQLite database: give its address"),
        (b"\x80\x04\x95abc", "a Python pickle: it could run any program"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PAR1 and no more", "not a Parquet file"),
        (gzip.compress(CSV, mtime=0)[:-12], "packed, and damaged or cut off"),
        ("a,b\n1,2\n".encode("utf-16-le") * 4, "looks like UTF-16 without a byte order mark"),
        (FRAME.to_json(orient="values").encode(), "arrays of values without the names"),
        (b'{"a": [{"x": 1}], "b": [{"y": 1}]}', r"may be those of a \(1\), b \(1\); say which"),
        (b"[1, 2]", "no row"),
        (b"shop,paid\n7,1\n", r"no field shop_id \(is it shop\?\); it has shop, paid"),
    ],
)
def test_what_is_no_table_is_named_for_what_it_is(source: bytes, said: str) -> None:
    with pytest.raises((SourceError, UsageError), match=said) as caught:
        merged(source, [{"shop_id": 1}])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (io.StringIO("a"), "opened as text; open it in binary mode"),
        (7, "a source is a path, a file opened in binary mode, bytes, a DataFrame or a list"),
        ([], "no mappings"),
        ([1], "no mappings"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns called a"),
    ],
)
def test_a_mistake_of_a_notebook_is_answered_in_one_line(source: Any, said: str) -> None:
    with pytest.raises((SourceError, UsageError), match=said):
        merged(source)


def test_a_type_of_no_field_is_refused() -> None:
    with pytest.raises(UsageError, match="types= names price; there are paid, shop_id, town"):
        merged(CSV, types={"price": "text"})


def test_much_the_largest_table_of_a_document_is_taken_and_the_others_are_noted() -> None:
    many = {str(n): {"shop_id": n, "visits": [{"day": 1}, {"day": 2}]} for n in range(7, 60)}
    document = json.dumps({"shops": many, "plans": [{"name": "a"}] * 3}).encode()
    rows = merged(CSV, document)
    assert rows["shop_id"].tolist() == ["7", "8", "9"]
    notes = rows.attrs["report"]["right"]["notes"]
    assert notes == ["the rows are those of shops (53); not read: plans (3)"]


def test_rows_within_a_document_can_be_said() -> None:
    document = json.dumps({"shops": SHOPS, "staff": [{"name": "a"}]}).encode()
    assert merged(CSV, document, rows_at=("", "shops"))["town"].tolist() == ["Ulm", "Bonn"]
    with pytest.raises(SourceError, match="nothing at towns; there is shops, staff"):
        merged(CSV, document, rows_at=("", "towns"))
