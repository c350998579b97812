"""Files in no order, and packed ones: the same rows, in the order of a number that they have."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from streamsim.producers.ordered import read_ordered
from streamsim.streams.errors import SourceError
from streamsim.streams.spec.input_maps import COUNT, PLACE, Dialect
from streamsim.streams.tables.opening import open_table
from streamsim.streams.tables.row_readers import read_chunks


def write(path: Path, lines: list[str]) -> Path:
    data = "\n".join(["id,word", *lines, ""]).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_rows_come_in_order_with_their_places(name: str, rows: int, tmp_path: Path) -> None:
    numbers = np.random.default_rng(3).permutation(200).tolist()
    path = write(tmp_path / name, [f"{i},w{i}" for i in numbers])
    chunks = list(read_ordered(open_table(path, Dialect()), ["id", "word"], "id", rows))
    words = [word for chunk in chunks for word in chunk.frame["word"]]
    assert words == [f"w{i}" for i in range(200)]
    assert [place for chunk in chunks for place in chunk.frame[PLACE]] == list(range(200))
    assert {chunk.frame.attrs[COUNT] for chunk in chunks} == {200}
    assert next(chunk.original(0) for chunk in chunks) == b"0,w0"
    assert max(len(chunk.frame) for chunk in chunks) <= rows


def test_a_row_without_a_number_stays_behind_the_one_before_it(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["9,a", "x,b", "3,c", "broken", "1,d", "9,e"])
    (chunk,) = read_ordered(open_table(path, Dialect()), ["id", "word"], "id")
    assert [raw.decode() for raw in chunk.raw or ()] == [
        "1,d",
        "3,c",
        "broken",
        "9,a",
        "x,b",
        "9,e",
    ]


def test_a_packed_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv.gz", ["1,a"])
    table = open_table(path, Dialect())
    assert table.names == ("id", "word")
    assert table.fixed
    (chunk,) = read_chunks(table, ["word"])
    assert chunk.frame["word"].tolist() == ["a"]


@pytest.mark.parametrize("damage", [lambda b: b[:-12], lambda b: b[:60] + b"\0" * 40 + b[100:]])
def test_a_damaged_packed_file_is_an_error_that_is_said(damage: object, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv.gz", [f"{i},{i * 7919 % 1009}" for i in range(3000)])
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(SourceError, match=r"rows\.csv\.gz"):
        list(read_chunks(open_table(path, Dialect()), ["id"]))


def test_rows_of_parquet_are_put_in_order_of_their_instants(tmp_path: Path) -> None:
    """A row without one stays behind the row before it."""
    import pandas as pd

    path = tmp_path / "rows.parquet"
    days = pd.to_datetime(["2111-01-03", "2111-01-01", None, "2111-01-02", "2111-01-01"])
    whole = pd.DataFrame({"time": days, "id": [5, 1, 2, 4, 3], "x": [0.5, None, 1.5, 2.5, 3.5]})
    whole.to_parquet(path)
    for rows in (2, 50):
        chunks = list(read_ordered(open_table(path, Dialect()), ["time", "id", "x"], "time", rows))
        assert all(chunk.raw is None for chunk in chunks)
        table = pd.concat([chunk.frame for chunk in chunks])
        assert table["id"].tolist() == [1, 2, 3, 4, 5]
        assert table[PLACE].tolist() == list(range(5))
        assert table["x"].astype(object).where(table["x"].notna(), None).tolist() == [
            None, 1.5, 3.5, 2.5, 0.5
        ]  # fmt: skip
        assert table["time"].tolist()[:2] == ["2111-01-01T00:00:00", None]
