"""Finance: the kinds of files that are recognised, by their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from streams.domains.finance.schema import LABEL_DELAY
from streams.events import NO_TIME
from streams.world import FileMap

if TYPE_CHECKING:
    import pandas as pd


def _handbook(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Convert the *Fraud Detection Handbook*'s columns; a fraud is known 7 days later."""
    import pandas as pd

    time = _instants(frame["TX_DATETIME"])
    cents = pd.to_numeric(frame["TX_AMOUNT"], errors="coerce").mul(100).round().astype("Int64")
    payments = pd.DataFrame(
        {
            "event_id": _texts(frame["TRANSACTION_ID"], "tx-"),
            "event_time": time,
            "card_id": _texts(frame["CUSTOMER_ID"]),
            "terminal_id": _texts(frame["TERMINAL_ID"]),
            "amount_cents": cents,
        }
    )
    if "TX_FRAUD" not in frame:
        return {"transactions": payments}
    fraud = pd.to_numeric(frame["TX_FRAUD"], errors="coerce").eq(1) & time.ne(NO_TIME)
    known = payments[fraud.to_numpy()]
    chargebacks = pd.DataFrame(
        {
            "event_id": "cb-" + known["event_id"],
            "event_time": known["event_time"] + LABEL_DELAY,
            "transaction_id": known["event_id"],
            "card_id": known["card_id"],
            "terminal_id": known["terminal_id"],
            "transaction_time": known["event_time"],
            "amount_cents": known["amount_cents"],
        }
    )
    return {"transactions": payments, "chargebacks": chargebacks}


def _own(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Take transactions whose columns are already those of the topic."""
    import pandas as pd

    columns = ["event_id", "card_id", "terminal_id", "currency", "category"]
    given = {name: _texts(frame[name]) for name in columns if name in frame}
    cents = pd.to_numeric(frame["amount_cents"], errors="coerce")
    whole = cents.where(cents.eq(cents.round())).astype("Int64")
    return {
        "transactions": pd.DataFrame(
            {**given, "event_time": _instants(frame["event_time"]), "amount_cents": whole}
        )
    }


def _texts(column: pd.Series, prefix: str = "") -> pd.Series:
    """Return identifiers as text, ``None`` where there is none."""
    text = prefix + column.astype("string").str.removesuffix(".0")
    return text.astype(object).where(column.notna(), None)


def _instants(column: pd.Series) -> pd.Series:
    """Return instants in ms, UTC where no offset is given, ``NO_TIME`` where it is none."""
    import pandas as pd

    times = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    stamps = times.dt.as_unit("ms").astype("int64")
    return stamps.where(times.notna(), np.int64(NO_TIME))


FILES = (
    FileMap(
        name="handbook",
        columns=("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT"),
        convert=_handbook,
        optional=("TX_FRAUD",),
    ),
    FileMap(
        name="streamsim",
        columns=("event_id", "event_time", "card_id", "terminal_id", "amount_cents"),
        convert=_own,
        optional=("currency", "category"),
    ),
)
