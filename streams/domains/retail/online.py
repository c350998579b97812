"""Retail: UCI's *Online Retail* and *Online Retail II*, lines of invoices of a British shop.

The sets are spreadsheets, which programs save with dates of their own. The line of an invoice is
counted, for none is written. A return has a negative quantity, which no till's line has: it is
refused. A line without a customer has no household.

References
----------
Chen, Sain and Guo (2012), Data mining for the online retail industry, *Journal of Database
Marketing and Customer Strategy Management* 19(3): the data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from streamsim.streams.errors import SourceError
from streamsim.streams.events import NO_TIME, as_objects
from streamsim.streams.reading.formats import Instants, Number, texts_of
from streamsim.streams.reading.identifiers import identifier, text_of
from streamsim.streams.reading.products import products
from streamsim.streams.spec.input_maps import FILE, Dialect, FileMap

if TYPE_CHECKING:
    import pandas as pd

_ZONE = "Europe/London"
_FORMATS = (
    "", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M", "%d.%m.%Y %H:%M", "%m/%d/%y %H:%M",
    "%d/%m/%y %H:%M",
)  # fmt: skip
_FIRST_DAYS = ("2009-12-01", "2010-12-01")
"""The day of the first invoice of either set."""


class Invoices:
    """Converts lines of invoices; one for each reading of a file, as it counts the lines.

    Parameters
    ----------
    invoice, price, customer
        How the file calls these columns.
    """

    def __init__(self, invoice: str, price: str, customer: str) -> None:
        self._invoice, self._price, self._customer = invoice, price, customer
        self._lines: Counter[str] = Counter()
        self._instants: Instants | None = None
        self._number: Number | None = None

    def __call__(self, frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """Return the events of some rows."""
        import pandas as pd

        if self._instants is None:
            self._instants = _format_of(frame["InvoiceDate"], str(frame.attrs.get(FILE, "")))
        self._number = self._number or _number_of(frame[self._price])
        number, dates = self._number or Number(), self._instants or Instants(zone=_ZONE)
        invoices = [text_of(value) for value in frame[self._invoice]]
        lines = [self._line(invoice) for invoice in invoices]
        named = zip(invoices, lines, strict=True)
        ids = (None if invoice is None else f"{invoice}-{line}" for invoice, line in named)
        events = {
            "event_id": as_objects(ids),
            "event_time": dates.read(frame["InvoiceDate"]).to_numpy(),
            "household_id": as_objects(_customer(v, number) for v in frame[self._customer]),
            "vendor": "online",
            "store_id": as_objects(text_of(value) for value in frame["Country"]),
            "basket_id": as_objects(invoices),
            "line_no": pd.array(lines, "Int64"),
            "product_id": as_objects(text_of(value) for value in frame["StockCode"]),
            "quantity": number.read(frame["Quantity"]).to_numpy(),
            "amount_cents": products(
                frame[self._price], frame["Quantity"], number, symbol="£", scale=2
            ).array,
            "discount_cents": 0,
            "currency": "GBP",
        }
        return {"tills": pd.DataFrame(events, index=frame.index)}

    def _line(self, invoice: str | None) -> int | None:
        if invoice is None:
            return None
        self._lines[invoice] += 1
        return self._lines[invoice]


def _customer(value: object, number: Number) -> str | None:
    """Return a customer's number, which programs save with a decimal: ``17850.0``."""
    if isinstance(value, str):
        value = value.replace(number.decimal, ".")
    return identifier(value)


def _number_of(prices: pd.Series) -> Number | None:
    """Return how numbers are written; ``None`` while no price has decimals."""
    texts = texts_of(prices).dropna()
    if texts.str.contains(".", regex=False).any():
        return Number()
    return Number(",") if texts.str.contains(",", regex=False).any() else None


def _format_of(column: pd.Series, file: str) -> Instants | None:
    """Return the format of dates; ``None`` while there are none.

    It is the one that reads most of them. Of two, it is the one by which the first is the first day
    of a set.

    Raises
    ------
    SourceError
        If both could be right.
    """
    texts = column[column.notna()]
    ways = [Instants(pattern, zone=_ZONE) for pattern in _FORMATS]
    read = [int(way.read(texts).ne(NO_TIME).sum()) for way in ways]
    most = max(read)
    if not most:
        return None
    best = [way for way, count in zip(ways, read, strict=True) if count == most]
    first = [way for way in best if _first_day(way, texts) in _FIRST_DAYS]
    if len(best) > 1 and len(first) != 1:
        raise SourceError(
            f"{file}: InvoiceDate is {texts.iloc[0]!r}, which may have the day or the month first; "
            "say its format with --columns"
        )
    return (first or best)[0]


def _first_day(way: Instants, texts: pd.Series) -> str:
    return str(way.timestamps(texts.iloc[:1]).dt.tz_convert(_ZONE).iloc[0])[:10]


def _file(name: str, *names: str) -> FileMap:
    invoice, price, customer = names
    return FileMap(
        name=name,
        columns=("StockCode", "Quantity", "InvoiceDate", "Country", *names),
        convert=lambda frame: Invoices(invoice, price, customer)(frame),
        begin=partial(Invoices, invoice, price, customer),
        # Only descriptions, which are not read, have other characters than ASCII.
        dialect=Dialect(encoding="latin-1"),
        written={
            "event_time": "InvoiceDate", "household_id": customer, "store_id": "Country",
            "basket_id": invoice, "product_id": "StockCode", "quantity": "Quantity",
            "amount_cents": price,
        },
    )  # fmt: skip


ONLINE = (
    _file("online-retail", "InvoiceNo", "UnitPrice", "CustomerID"),
    _file("online-retail-2", "Invoice", "Price", "Customer ID"),
    _file("online-retail-2", "Invoice", "Price", "CustomerID"),
)
