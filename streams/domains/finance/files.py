"""Finance: recognised kinds of files, by their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from streamsim.streams.codec import FIRST_TIME, LAST_TIME
from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.flags import flag_of
from streamsim.streams.reading.identifiers import text_of
from streamsim.streams.spec.input_maps import FileMap

from .schema import LABEL_DELAY

if TYPE_CHECKING:
    import pandas as pd


def _handbook(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Convert the *Fraud Detection Handbook*'s columns; a fraud is known 7 days later."""
    import pandas as pd

    time = _instants(frame["TX_DATETIME"])
    cents = _cents(frame["TX_AMOUNT"])
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
    fraud = frame["TX_FRAUD"].map(flag_of).eq(True) & time.ne(NO_TIME)
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
    """Convert transactions whose columns are already those of the topic."""
    import pandas as pd

    names = ("event_id", "card_id", "terminal_id", "currency", "category")
    columns = {name: _texts(frame[name]) for name in names if name in frame}
    columns["event_time"] = _instants(frame["event_time"])
    columns["amount_cents"] = _whole(_numbers(frame["amount_cents"]))
    return {"transactions": pd.DataFrame(columns)}


def _texts(column: pd.Series, prefix: str = "") -> pd.Series:
    """Return identifiers as text, ``None`` where there is none; a text stays as it is."""
    import pandas as pd

    texts = [None if (text := text_of(value)) is None else prefix + text for value in column]
    return pd.Series(texts, index=column.index, dtype=object)


def _numbers(column: pd.Series) -> pd.Series:
    """Return numbers as float64, NaN where there is none."""
    import pandas as pd

    if column.dtype == object:
        column = column.where(column.map(lambda v: type(v) in (int, float, str)))
    return pd.to_numeric(column, errors="coerce").astype("float64")


def _cents(amounts: pd.Series) -> pd.Series:
    """Return integer cents, missing where an amount has a part of a cent."""
    cents = _numbers(amounts).mul(100)
    whole = cents.round()
    return _whole(whole.where(cents.sub(whole).abs().le(whole.abs().clip(lower=1.0) * 1e-9)))


def _whole(numbers: pd.Series) -> pd.Series:
    """Return exact whole numbers, missing where there is none."""
    return numbers.where(numbers.eq(numbers.round()) & numbers.abs().le(2.0**53)).astype("Int64")


def _instants(column: pd.Series) -> pd.Series:
    """Return instants in ms, UTC where no offset is given, ``NO_TIME`` where it is none."""
    import pandas as pd

    if not pd.api.types.is_datetime64_any_dtype(column):
        column = column.where(column.map(lambda v: type(v) is str and v[:4].isdecimal()))
        column = column.astype("string")
    times = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    stamps = times.dt.as_unit("ms").astype("int64")
    return stamps.where(times.notna() & stamps.between(FIRST_TIME, LAST_TIME), np.int64(NO_TIME))


FILES = (
    FileMap(
        name="handbook",
        columns=("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT"),
        convert=_handbook,
        optional=("TX_FRAUD",),
        flags=("TX_FRAUD",),
        written={
            "event_id": "TRANSACTION_ID", "event_time": "TX_DATETIME", "card_id": "CUSTOMER_ID",
            "terminal_id": "TERMINAL_ID", "amount_cents": "TX_AMOUNT",
        },
    ),
    FileMap(
        name="streamsim",
        columns=("event_id", "event_time", "card_id", "terminal_id", "amount_cents"),
        convert=_own,
        optional=("currency", "category"),
    ),
    FileMap(
        name="Kaggle's creditcard.csv",
        columns=("Time", "V1", "V28", "Amount", "Class"),
        convert=_own,
        refused="its rows name neither card nor terminal, so a transaction has no past",
    ),
)  # fmt: skip
