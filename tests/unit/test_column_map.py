"""Column maps: a file's columns become events as a TOML file tells, or a mistake in it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamsim.producers.file_kinds import find_files
from streamsim.producers.files import FileSource
from streamsim.simulator.domain_stream import with_columns
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import SourceError, UsageError
from streamsim.streams.spec import DomainSpec
from streamsim.streams.tables.exact_json import exact_json

MAP = """
[file]
delimiter = ";"
encoding = "cp1252"
missing = ["-"]

[fields]
event_id = { row = true, prefix = "own-" }
event_time = { column = "Wann", format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }
card_id = { columns = ["Konto", "Karte"], join = "/" }
terminal_id = "Händler"
amount_cents = { column = "Betrag", money = "€", decimal = ",", thousands = "." }
currency = { value = "EUR" }
category = { column = "Art", words = { L = "groceries" } }

[[source]]
name = "chargebacks"
where = { Betrug = "ja" }
[source.fields]
event_id = { row = true, prefix = "cb-" }
event_time = { column = "Wann", format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin", plus_days = 7 }
transaction_id = { row = true, prefix = "own-" }
transaction_time = { column = "Wann", format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }
card_id = { columns = ["Konto", "Karte"], join = "/" }
terminal_id = "Händler"
amount_cents = { column = "Betrag", money = "€", decimal = ",", thousands = "." }
"""
DATA = """Kontoauszug;;;;;;
Wann;Konto;Karte;Händler;Betrag;Art;Betrug
01.03.2025 10:00;7;1;H1;1.234,50 €;L;nein
01.03.2025 10:05;7;2;H1;3,00 €;-;ja
"""


def events(spec: DomainSpec, path: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for file, kind in find_files(spec.inputs, path):
        for piece in FileSource(spec.inputs, file, kind, spec.longest_delay).slices():
            for emission in piece.emissions:
                own = found.setdefault(emission.source, [])
                own += [exact_json(value.decode()) for value in emission.values]
    return {name: rows for name, rows in found.items() if rows}


def test_a_file_becomes_events_as_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP, encoding="utf-8")
    (tmp_path / "own.csv").write_bytes(DATA.encode("cp1252"))
    spec = with_columns(load_domain("finance"), tmp_path / "map.toml")
    found = events(spec, tmp_path / "own.csv")
    assert found["transactions"] == [
        {
            "event_id": "own-1", "event_time": "2025-03-01T09:00:00.000Z", "card_id": "7/1",
            "terminal_id": "H1", "amount_cents": 123450, "currency": "EUR", "category": "groceries",
        },
        {
            "event_id": "own-2", "event_time": "2025-03-01T09:05:00.000Z", "card_id": "7/2",
            "terminal_id": "H1", "amount_cents": 300, "currency": "EUR", "category": "-",
        },
    ]  # fmt: skip
    (label,) = found["chargebacks"]
    assert (label["event_time"], label["transaction_id"]) == ("2025-03-08T09:05:00.000Z", "own-2")


SETS = {
    "sparkov": (
        ",trans_date_trans_time,cc_num,merchant,category,amt,first,trans_num,is_fraud\n"
        '0,2019-01-01 00:00:18,4992346398065154184,"fraud_Inv, Ented",misc_net,4.97,X,0b24,0\n'
        "1,2019-01-01 00:01:18,4992346398065154185,m2,misc_net,107.23,X,0b25,1\n",
        [("0b24", "4992346398065154184", 497), ("0b25", "4992346398065154185", 10723)],
    ),
    "paysim": (
        "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,"
        "newbalanceDest,isFraud,isFlaggedFraud\n"
        "1,PAYMENT,9839.64,C1,170136.0,160296.36,M1,0.0,0.0,0,0\n"
        "2,TRANSFER,181.0,C2,181.0,0.0,C3,0.0,0.0,1,0\n",
        [("paysim-1", "C1", 983964), ("paysim-2", "C2", 18100)],
    ),
    "ibm": (
        "User,Card,Year,Month,Day,Time,Amount,Use Chip,Merchant Name,Merchant City,MCC,Is Fraud?\n"
        "0,0,2002,9,1,06:21,$134.09,Swipe,3527213246127876953,La Verne,5300,No\n"
        "0,1,2002,9,1,06:42,$38.48,Swipe,-727612092139916043,Monterey,5411,Yes\n",
        [("ibm-1", "0-0", 13409), ("ibm-2", "0-1", 3848)],
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_well_known_sets_are_read(tmp_path: Path, name: str) -> None:
    text, expected = SETS[name]
    (tmp_path / f"{name}.csv").write_text(text)
    spec = load_domain("finance")
    found = events(spec, tmp_path / f"{name}.csv")
    rows = [(e["event_id"], e["card_id"], e["amount_cents"]) for e in found["transactions"]]
    assert rows == expected
    (label,) = found["chargebacks"]
    assert label["transaction_id"] == expected[1][0]


def test_a_set_that_lies_card_by_card_is_read_in_order_of_time(tmp_path: Path) -> None:
    """IBM's: the instant is made of four columns."""
    head = "User,Card,Year,Month,Day,Time,Amount,Use Chip,Merchant Name,Merchant City,MCC,Is Fraud?"
    rows = [
        f"{user},{card},2002,{month},1,{time},$1.00,Swipe,5,La Verne,5300,No"
        for user, card, month, time in (
            (0, 0, 9, "06:21"), (0, 0, 11, "06:21"), (0, 1, 10, "00:05"), (1, 0, 9, "06:20"),
            (1, 0, 9, "06:21"),
        )
    ]  # fmt: skip
    (tmp_path / "card.csv").write_text("\n".join([head, *rows]) + "\n")
    found = events(load_domain("finance"), tmp_path / "card.csv")["transactions"]
    assert [(e["card_id"], e["event_time"][:16]) for e in found] == [
        ("1-0", "2002-09-01T06:20"),
        ("0-0", "2002-09-01T06:21"),
        ("1-0", "2002-09-01T06:21"),
        ("0-1", "2002-10-01T00:05"),
        ("0-0", "2002-11-01T06:21"),
    ]


def test_a_set_without_cards_is_refused_by_its_name(tmp_path: Path) -> None:
    names = ["Time", *(f"V{n}" for n in range(1, 29)), "Amount", "Class"]
    (tmp_path / "creditcard.csv").write_text(",".join(names) + "\n" + ",".join("0" * 31) + "\n")
    with pytest.raises(SourceError, match=r"Kaggle's creditcard.csv: its rows name neither card"):
        find_files(load_domain("finance").inputs, tmp_path / "creditcard.csv")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[fields]", "[felds]"), "the map has no felds; there are fields, file, source"),
        (("card_id = {", "card = {"), "the fields of transactions has no card; there are"),
        (('currency = { value = "EUR" }', 'currency = { wert = "EUR" }'), "currency has no wert"),
        (('currency = { value = "EUR" }', "currency = {}"), "neither a column, a value, nor row"),
        (('currency = { value = "EUR" }', "currency = 7"), "currency is a table, not 7"),
        (('zone = "Europe/Berlin" }\ncard', 'zone = "Mars" }\ncard'), "no time zone 'Mars'"),
        (("chargebacks", "refunds"), "no source 'refunds'; there are transactions, chargebacks"),
        (("[file]", "[file"), "not TOML"),
        (('event_id = { row = true, prefix = "own-" }\n', ""), "transactions lacks event_id"),
        (("row = true", 'column = "x", unit = "weeks"'), "no unit 'weeks'; there are ms, seconds"),
        (("plus_days = 7", "plus_days = 30"), "plus_days of chargebacks is 30, but a label"),
        (("plus_days = 7", "plus_days = -1"), "up to 7 days after its event"),
        (("cp1252", "cp12"), "no encoding 'cp12'"),
        (
            ("[file]\n", '[file]\norder = ["a", "b"]\n'),
            "order is a column, or a time as event_time",
        ),
        (("%H", "%Q"), "no format of times '%d.%m.%Y %Q:%M'"),
    ],
)
def test_a_mistake_in_a_map_is_said_in_a_line(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = tmp_path / "map.toml"
    path.write_text(MAP.replace(*change), encoding="utf-8")
    with pytest.raises(UsageError, match=said) as caught:
        with_columns(load_domain("finance"), path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_map_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        with_columns(load_domain("finance"), tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        (("where = { Betrug", "where = { Betrueger"), "names Betrueger, which the file lacks"),
        (('value = "EUR" }', 'column = "Währung" }'), "names Währung, which the file lacks"),
        (('missing = ["-"]', 'order = "Zeit"'), "map lacks Zeit"),
    ],
)
def test_every_column_that_a_map_names_must_be_there(
    tmp_path: Path, change: tuple[str, str], lacking: str
) -> None:
    """Those of labels too, else the run would begin and its producer die."""
    told = tmp_path / "map.toml"
    told.write_text(MAP.replace(*change), encoding="utf-8")
    (tmp_path / "own.csv").write_bytes(DATA.encode("cp1252"))
    with pytest.raises(SourceError, match=lacking):
        find_files(with_columns(load_domain("finance"), told).inputs, tmp_path / "own.csv")


def test_a_file_that_lacks_a_mapped_column_is_told_which(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP, encoding="utf-8")
    (tmp_path / "own.csv").write_bytes(DATA.replace("Karte", "Kart").encode("cp1252"))
    spec = with_columns(load_domain("finance"), tmp_path / "map.toml")
    with pytest.raises(SourceError, match="map lacks Karte"):
        events(replace(spec), tmp_path / "own.csv")


def test_a_file_without_a_header_is_one_whose_first_lines_are_as_told(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        '[file]\ncolumns = ["t", "c", "m", "n", "p"]\ndelimiter = "::"\n'
        "lines = '\\d+(::[^:]+){4}'\n[fields]\nevent_id = { row = true, prefix = \"{file}-\" }\n"
        'event_time = { column = "t", unit = "seconds" }\ncard_id = "c"\nterminal_id = "m"\n'
        'amount_cents = { column = "p", money = true, times = "n" }\n'
    )
    spec = with_columns(load_domain("finance"), tmp_path / "map.toml")
    (tmp_path / "a.dat").write_text('978300760::c1::"m::3::2.55\n')
    (event,) = events(spec, tmp_path / "a.dat")["transactions"]
    assert (event["event_id"], event["terminal_id"], event["amount_cents"]) == ("a-1", '"m', 765)
    (tmp_path / "b.dat").write_text("978300760::c1::m::3\n")
    with pytest.raises(SourceError, match="first lines are not as the column map says"):
        events(spec, tmp_path / "b.dat")
