"""XML whose rows have entities: those of XML itself are read, any other is the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.streams.spec.input_maps import Dialect
from streamsim.streams.tables.opening import open_table
from streamsim.streams.tables.row_readers import read_chunks

BOMB = '<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "head", ["", BOMB, '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>']
)
def test_an_entity_of_its_own_makes_its_row_dead(tmp_path: Path, head: str) -> None:
    file = tmp_path / "rows.xml"
    rows = "".join(f"<row><n>{text}</n></row>" for text in ("A &amp; B", "&b;", "&f;"))
    file.write_text(f"{head}<r>{rows}</r>")
    table = open_table(file, Dialect(row="row"))
    (chunk,) = read_chunks(table, ["n"])
    assert [text for text in chunk.frame["n"].tolist() if text] == ["A & B"]
    told = [why.split(",")[0].split(" is ")[0] for why in chunk.bad.values()]
    assert told == ["a document type"] * bool(head) + ["the entity &b;", "the entity &f;"]
