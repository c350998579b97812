"""Retail: feed formats of the vendors' tills, a row of a table each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from streamsim.streams.events import as_objects
from streamsim.streams.reading.feeds import Feed
from streamsim.streams.reading.formats import Instants, Money
from streamsim.streams.spec.input_maps import Dialect, FileMap

if TYPE_CHECKING:
    import pandas as pd

LOCAL = "America/New_York"

_IDS = ("household_id", "store_id", "basket_id", "product_id")


@dataclass(frozen=True, slots=True)
class Vendor:
    """A maker of tills.

    Parameters
    ----------
    feed
        Format of its tills' rows.
    currency
        Currency of its amounts, which the lines do not contain.
    """

    feed: Feed
    dialect: Dialect
    currency: str = "USD"


VENDORS = (
    Vendor(
        Feed(
            "a",
            {
                "event_time": "Till Time",
                "store_id": "Store",
                "basket_id": "Basket",
                "line_no": "Line",
                "household_id": "Card Household",
                "product_id": "SKU",
                "quantity": "Qty",
                "amount_cents": "Net Sales",
                "discount_cents": "Discount",
                "department": "Dept",
            },
            instants={"event_time": Instants("%m/%d/%Y %I:%M:%S %p", LOCAL)},
            money={"amount_cents": Money("$", ","), "discount_cents": Money("$", ",")},
            ids=_IDS,
            numbers=("line_no", "quantity"),
        ),
        Dialect(encoding="cp1252", delimiter=";"),
    ),
    Vendor(
        Feed(
            "b",
            {
                "event_time": "soldAt",
                "store_id": "storeId",
                "basket_id": "basketId",
                "line_no": "item.lineNo",
                "household_id": "shopper.householdId",
                "product_id": "item.sku",
                "quantity": "item.quantity",
                "amount_cents": "amountCents",
                "discount_cents": "discountCents",
                "department": "item.department",
            },
            # These clocks show local time and say -05:00 all year, which is wrong in summer.
            instants={"event_time": Instants(zone=LOCAL, believe_offset=False)},
            money={"amount_cents": Money(decimal=None), "discount_cents": Money(decimal=None)},
            ids=_IDS,
            numbers=("line_no", "quantity"),
        ),
        Dialect(),
    ),
    Vendor(
        Feed(
            "c",
            {
                "event_time": "when",
                "store_id": "store",
                "basket_id": "basket",
                "line_no": "line.no",
                "household_id": "card",
                "product_id": "line.sku",
                "quantity": "line.qty",
                "amount_cents": "amount",
                "discount_cents": "discount",
                "department": "line.dept",
            },
            instants={"event_time": Instants("%d.%m.%Y %H:%M:%S", LOCAL)},
            money={"amount_cents": Money(decimal=","), "discount_cents": Money(decimal=",")},
            ids=_IDS,
            numbers=("line_no", "quantity"),
        ),
        Dialect(row="sale"),
    ),
)

_OPTIONAL = ("household_id", "department", "quantity")


def normalised(vendor: Vendor, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of a vendor's tills as events of ``tills``, one per row.

    A line's id is made of vendor, receipt and line: a second copy has the same.
    """
    lines = vendor.feed.harmonise(rows)
    number = lines["line_no"].where(lines["line_no"].mod(1).eq(0)).astype("Int64")
    lines["line_no"] = number
    lines["vendor"], lines["currency"] = vendor.feed.name, vendor.currency
    whole = lines["basket_id"].notna() & number.notna()
    parts = zip(whole.tolist(), lines["basket_id"].tolist(), number.tolist(), strict=True)
    names = [f"{vendor.feed.name}-{basket}-{line}" if own else None for own, basket, line in parts]
    lines["event_id"] = as_objects(names)
    return lines


def _as_events(vendor: Vendor, rows: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    return {"tills": normalised(vendor, rows)}


def _file(vendor: Vendor) -> FileMap:
    fields = vendor.feed.fields
    convert: Callable[[pd.DataFrame], Mapping[str, pd.DataFrame]] = partial(_as_events, vendor)
    return FileMap(
        name=f"till-{vendor.feed.name}",
        columns=tuple(theirs for ours, theirs in fields.items() if ours not in _OPTIONAL),
        convert=convert,
        optional=tuple(fields[name] for name in _OPTIONAL),
        dialect=vendor.dialect,
    )


FILES = tuple(_file(vendor) for vendor in VENDORS)
