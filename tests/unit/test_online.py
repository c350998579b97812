"""UCI's Online Retail, as programs save it: lines are paid amounts, returns are dead."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.consumers.clean.cleaner import decode
from streamsim.consumers.collect.records import collect
from streamsim.producers.file_kinds import find_files
from streamsim.producers.files import FileSource
from streamsim.producers.wire import wire
from streamsim.simulator.in_process import as_records
from streamsim.streams.codec import parse_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import SourceError

SPEC = load_domain("retail")
FIRST = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
SECOND = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
LINES = (
    '536365,85123A,"LAMP, WHITE",6,{0},2.55,17850.0,United Kingdom',
    "536365,71053,VOUCHER \xa35,32,{0},1.69,17850.0,United Kingdom",
    "536366,22632,WARMER,1,{1},0.1,,France",
    "C536379,D,Discount,-1,{1},27.5,14527.0,United Kingdom",
    "A563185,B,Adjust bad debt,1,{1},-11062.06,,United Kingdom",
    "536367,22632,WARMER,1,{1},0.001,13047.0,United Kingdom",
)
EVENTS = [
    ("536365-1", "17850", 6.0, 1530),
    ("536365-2", "17850", 32.0, 5408),
    ("536366-1", None, 1.0, 10),
]
DEAD = {
    "amount_cents: not between 0 and 1e+07": 1,
    "quantity: not between 0 and inf": 1,
    "amount_cents: not an integer, in {}: '0.001'": 1,
}


def read(path: Path) -> tuple[list[tuple[object, ...]], list[int], dict[str, int]]:
    """Return lines, their times, and the dead ones by reason."""
    ((file, kind),) = find_files(SPEC.inputs, path)
    rows: list[tuple[object, ...]] = []
    times: list[int] = []
    dead: dict[str, int] = {}
    source = FileSource(SPEC.inputs, file, kind, SPEC.longest_delay)
    for records in as_records(SPEC, wire(SPEC, source.slices())):
        if records.source == "tills":
            batch = collect(records)
            events, _, refused = decode(batch, SPEC.trigger)
            columns = events.columns
            times += events.event_time.tolist()
            rows += zip(
                events.event_id, events.entity, columns["quantity"].tolist(),
                columns["amount_cents"].tolist(), strict=True,
            )  # fmt: skip
            assert set(columns["currency"]) == {"GBP"}
            for row in refused:
                dead[row.reason] = dead.get(row.reason, 0) + 1
    return rows, times, dead


def save(path: Path, header: str, dates: tuple[str, str], encoding: str = "utf-8") -> Path:
    lines = [header, *(line.format(*dates) for line in LINES)]
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


WRITTEN = [
    ("2010-12-01 08:26:00", "2010-12-02 13:28:00"),
    ("12/1/2010 8:26", "12/2/2010 13:28"),
    ("1/12/2010 8:26", "2/12/2010 13:28"),
    ("01-12-2010 08:26", "02-12-2010 13:28"),
    ("12/1/10 8:26", "12/2/10 13:28"),
    ("01.12.2010 8:26", "02.12.2010 13:28"),
]


@pytest.mark.parametrize("dates", WRITTEN)
@pytest.mark.parametrize("header", [FIRST, SECOND])
def test_lines_are_quantity_times_price(
    tmp_path: Path, header: str, dates: tuple[str, str]
) -> None:
    rows, times, dead = read(save(tmp_path / "a.csv", header, dates, "latin-1"))
    assert rows == EVENTS
    instants = ["2010-12-01T08:26:00Z"] * 2 + ["2010-12-02T13:28:00Z"]
    assert times == parse_times(instants).tolist()
    price = "UnitPrice" if header is FIRST else "Price"
    assert dead == {reason.format(price): count for reason, count in DEAD.items()}


def test_a_comma_may_separate_the_decimals(tmp_path: Path) -> None:
    path = save(tmp_path / "a.csv", SECOND.replace(",", ";"), ("01.12.2009 07:45",) * 2)
    text = path.read_text().splitlines()
    lines = [line.replace('"LAMP, WHITE"', "LAMP").replace(",", ";") for line in text[1:]]
    path.write_text("\n".join([text[0], *(line.replace(".", ",") for line in lines)]))
    path.write_text(path.read_text().replace("01,12,2009", "01.12.2009"))
    rows, times, _ = read(path)
    assert rows == EVENTS
    assert times[0] == int(parse_times(["2009-12-01T07:45:00Z"])[0])


def test_summer_is_that_of_the_shop(tmp_path: Path) -> None:
    _, times, _ = read(save(tmp_path / "a.csv", SECOND, ("2011-07-01 10:00:00",) * 2))
    assert times[0] == int(parse_times(["2011-07-01T09:00:00Z"])[0])


def test_a_date_that_may_be_either_is_refused_in_a_line(tmp_path: Path) -> None:
    path = save(tmp_path / "part.csv", FIRST, ("1/2/2011 8:26", "1/3/2011 8:26"))
    with pytest.raises(SourceError, match="InvoiceDate is '1/2/2011 8:26', which may have the day"):
        read(path)
