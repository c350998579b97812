"""Finance: schemas of card transactions and chargebacks."""

from __future__ import annotations

from streamsim.streams.events import Events, Ints
from streamsim.streams.spec import DAY, HOUR, Field, Kind, Role, SourceSpec
from streamsim.streams.spec.features import GlobalTableSpec, Windows

LABEL_DELAY = 7 * DAY
"""A fraud is known at most this long after the transaction (ms)."""

SPANS = (1 * DAY, 7 * DAY, 30 * DAY)
"""Lengths of the windows, over cards and terminals alike (ms)."""

MAX_CENTS = 100_000_000
"""Largest amount of one transaction: 1,000,000.00."""

_ID = "opaque identifier"

TRANSACTIONS = SourceSpec(
    name="transactions",
    role=Role.TRIGGER,
    key="card_id",
    help="card transactions as they are authorised",
    fields=(
        Field("card_id", Kind.STRING, _ID),
        Field("terminal_id", Kind.STRING, _ID),
        Field("amount_cents", Kind.INTEGER, "amount", low=0, high=MAX_CENTS, unit="cents"),
        Field("currency", Kind.STRING, "ISO 4217 code", required=False, max_length=3),
        Field("category", Kind.STRING, "kind of merchant", required=False, max_length=40),
    ),
    allowed_lateness=6 * HOUR,
    max_ahead=DAY,
    remember=DAY,
)

CHARGEBACKS = SourceSpec(
    name="chargebacks",
    role=Role.LABEL,
    key="card_id",
    help="transactions that turned out to be fraud, days later",
    fields=(
        Field("transaction_id", Kind.STRING, "event_id of the transaction"),
        Field("card_id", Kind.STRING, _ID),
        Field("terminal_id", Kind.STRING, _ID),
        Field("transaction_time", Kind.TIME, "event_time of the transaction"),
        Field("amount_cents", Kind.INTEGER, "amount", low=0, high=MAX_CENTS, unit="cents"),
    ),
    # The bank sends its file in order; a chargeback behind its own clock is late.
    allowed_lateness=0,
    max_ahead=DAY,
    remember=DAY,
)

CARDS = Windows(name="card", key="card_id", value="amount_cents", lengths=SPANS)


def _counts_from(chargebacks: Events) -> Ints:
    """Return when a chargeback counts: at its transaction, or later if it was reported too late.

    This is ``max(transaction, known - 7 days)``. A timely chargeback counts in the bucket of its
    transaction, which has not been published yet. A later one counts seven days before it became
    known, so that it changes no published bucket.
    """
    known = chargebacks.event_time
    happened: Ints = chargebacks.columns["transaction_time"]  # type: ignore[assignment]
    return happened.clip(known - LABEL_DELAY, known)


TERMINALS = GlobalTableSpec(
    name="terminals",
    key="terminal_id",
    bucket=HOUR,
    delay=LABEL_DELAY,
    lengths=SPANS,
    counts={"transactions": "transactions", "frauds": "chargebacks"},
    effective={"chargebacks": _counts_from},
)
