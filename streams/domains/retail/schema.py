"""Retail: schemas of till lines, customers, loyalty answers and outcomes."""

from __future__ import annotations

import numpy as np

from streamsim.streams.events import Columns, Ints
from streamsim.streams.spec import DAY, HOUR, Field, Kind, Role, SourceSpec
from streamsim.streams.spec.features import AsOfJoin, Windows
from streamsim.streams.spec.feed_watch import FeedWatch
from streamsim.streams.spec.input_maps import TableMap
from streamsim.streams.spec.modelling import Rescoring

HORIZON = 14 * DAY
"""Time after a purchase within which another one counts as bought again (ms)."""

LATENESS = 3 * DAY
"""Allowed lateness of a till's line (ms)."""

LABEL_DELAY = HORIZON + LATENESS
"""Time after a purchase when its outcome is known at the latest (ms)."""

SPANS = (7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 720 * DAY)
"""Lengths of the windows over a household's purchases (ms)."""

MAX_CENTS = 10_000_000
"""Largest amount of one line: 100,000.00."""

_HOUSEHOLD = Field("household_id", Kind.STRING, "household, by its card", max_length=40)


def opens_basket(lines: Columns) -> Ints:
    """Return 1 for the first line of a basket, else 0: their sum counts visits."""
    return np.equal(lines["line_no"], 1).astype(np.int64)


TILLS = SourceSpec(
    name="tills",
    role=Role.TRIGGER,
    key="household_id",
    help="lines of receipts as the tills of all vendors send them",
    fields=(
        _HOUSEHOLD,
        Field(
            "vendor", Kind.STRING, "who made the till: a row of the vendors' table", max_length=20
        ),
        Field("store_id", Kind.STRING, "store", max_length=40),
        Field("basket_id", Kind.STRING, "receipt", max_length=40),
        Field("line_no", Kind.INTEGER, "line of the receipt, from 1", low=0, high=100_000),
        Field("product_id", Kind.STRING, "what was bought", max_length=40),
        Field("department", Kind.STRING, "part of the store", required=False, max_length=40),
        Field("quantity", Kind.NUMBER, "how many, or how much", required=False, low=0),
        Field("amount_cents", Kind.INTEGER, "paid", low=0, high=MAX_CENTS, unit="cents"),
        Field("discount_cents", Kind.INTEGER, "taken off", low=0, high=MAX_CENTS, unit="cents"),
        Field("currency", Kind.STRING, "ISO 4217 code", required=False, max_length=3),
    ),
    allowed_lateness=LATENESS,
    max_ahead=DAY,
    remember=LATENESS,
    entity_optional=True,
    derived={"opens_basket": opens_basket},
)

CUSTOMERS = SourceSpec(
    name="customers",
    role=Role.CONTEXT,
    key="household_id",
    help="changes in the central customer database, by their row version",
    fields=(
        _HOUSEHOLD,
        Field("age", Kind.STRING, "age of the head, a range", required=False, max_length=20),
        Field("income", Kind.STRING, "income, a range", required=False, max_length=20),
        Field("home_ownership", Kind.STRING, "owns or rents", required=False, max_length=30),
        Field("marital_status", Kind.STRING, "marital status", required=False, max_length=30),
        Field("household_size", Kind.STRING, "how many live there", required=False, max_length=10),
        Field("household_comp", Kind.STRING, "who lives there", required=False, max_length=40),
        Field("kids_count", Kind.STRING, "how many children", required=False, max_length=10),
        Field("row_version", Kind.INTEGER, "of the row, rising over the table", low=0),
    ),
    allowed_lateness=HOUR,
    max_ahead=DAY,
    remember=DAY,
)

LOYALTY = SourceSpec(
    name="loyalty",
    role=Role.CONTEXT,
    key="household_id",
    help="what the loyalty programme answered, without what it did not know when it was asked",
    fields=(
        _HOUSEHOLD,
        Field("asked_at", Kind.TIME, "when it was asked"),
        Field("member", Kind.INTEGER, "1 if the household is in the programme", low=0, high=1),
        Field("campaigns_active", Kind.INTEGER, "campaigns that it takes part in", low=0),
        Field("campaigns_joined", Kind.INTEGER, "those that it has taken part in", low=0),
        Field("redemptions", Kind.INTEGER, "coupons redeemed", low=0),
        Field("redemptions_90d", Kind.INTEGER, "those of 90 days", low=0),
        Field("last_redeemed", Kind.NUMBER, "end of that day", required=False, unit="ms"),
        Field("age", Kind.STRING, "as the household says", required=False, max_length=20),
        Field("household_size", Kind.STRING, "as it says", required=False, max_length=10),
        Field(
            "late_for",
            Kind.STRING,
            "lines that were scored before it, as JSON",
            required=False,
            max_length=65_536,
        ),
    ),
    # An answer is sent with the heartbeat after the question.
    allowed_lateness=2 * HOUR,
    max_ahead=DAY,
    remember=DAY,
)

OUTCOMES = SourceSpec(
    name="outcomes",
    role=Role.LABEL,
    key="household_id",
    help="whether a household has bought again within 14 days of a purchase",
    fields=(
        _HOUSEHOLD,
        Field("purchase_id", Kind.STRING, "event_id of the till's line"),
        Field("bought_again", Kind.INTEGER, "1 or 0", low=0, high=1),
    ),
    max_ahead=DAY,
    remember=DAY,
)

_KEEP = 4_000
VISITS = Windows("visits", "household_id", "opens_basket", SPANS, keep=_KEEP)
SPENT = Windows("spent", "household_id", "amount_cents", SPANS, keep=_KEEP)
SAVED = Windows("saved", "household_id", "discount_cents", SPANS, keep=_KEEP)

CUSTOMER = AsOfJoin(
    "customers",
    ("age", "income", "home_ownership", "marital_status", "household_size", "kids_count"),
    # A change in the database counts three hours later, so that no purchase waits for a poll.
    delay=3 * HOUR,
)

PROGRAMME = AsOfJoin(
    "loyalty",
    (
        "member",
        "campaigns_active",
        "campaigns_joined",
        "redemptions",
        "redemptions_90d",
        "last_redeemed",
        "age",
        "household_size",
    ),
)

FEEDS = FeedWatch(
    column="vendor",
    unit="opens_basket",
    bucket=HOUR,
    behind=HOUR,
    same=("store_id", "basket_id"),
    value="amount_cents",
    settle=LATENESS + HOUR,
)

RESCORING = Rescoring("loyalty", "late_for", within=7 * DAY)

DATABASE = TableMap(
    source="customers",
    table="customers",
    columns={field.name: field.name for field in CUSTOMERS.fields},
    key="household_id",
)
