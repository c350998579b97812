"""Files in no order, and packed ones: the same rows, in the order of a number that they have."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from producers.ordered import read_ordered
from producers.readers import columns_of, read_chunks, says_its_columns
from streams.errors import SourceError
from streams.world import PLACE, Dialect


def write(path: Path, lines: list[str]) -> Path:
    data = "\n".join(["id,word", *lines, ""]).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_rows_come_in_order_with_their_places(name: str, rows: int, tmp_path: Path) -> None:
    numbers = np.random.default_rng(3).permutation(200).tolist()
    path = write(tmp_path / name, [f"{i},w{i}" for i in numbers])
    chunks = list(read_ordered(path, ["id", "word"], Dialect(), "id", rows))
    words = [word for chunk in chunks for word in chunk.frame["word"]]
    assert words == [f"w{i}" for i in range(200)]
    assert [place for chunk in chunks for place in chunk.frame[PLACE]] == list(range(200))
    assert next(chunk.original(0) for chunk in chunks) == b"0,w0"
    assert max(len(chunk.frame) for chunk in chunks) <= rows


def test_a_row_without_a_number_stays_behind_the_one_before_it(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", ["9,a", "x,b", "3,c", "broken", "1,d", "9,e"])
    (chunk,) = read_ordered(path, ["id", "word"], Dialect(), "id")
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
    assert columns_of(path, Dialect()) == ["id", "word"]
    assert says_its_columns(path)
    (chunk,) = read_chunks(path, ["word"], Dialect())
    assert chunk.frame["word"].tolist() == ["a"]


@pytest.mark.parametrize("damage", [lambda b: b[:-12], lambda b: b[:60] + b"\0" * 40 + b[100:]])
def test_a_damaged_packed_file_is_an_error_that_is_said(damage: object, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv.gz", [f"{i},{i * 7919 % 1009}" for i in range(3000)])
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(SourceError, match=r"rows\.csv\.gz"):
        list(read_chunks(path, ["id"], Dialect()))


def test_no_other_than_text_is_put_in_order(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "rows.parquet"
    pd.DataFrame({"id": [2, 1]}).to_parquet(path)
    with pytest.raises(SourceError, match="only rows of text files"):
        list(read_ordered(path, ["id"], Dialect(), "id"))
