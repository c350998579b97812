"""The finance features, computed anew in plain pandas, sharing no code with the stream's.

Windows of a card are ``[t - span, t)``. Those of a terminal end seven days ago, on the hour:
``[b - span, b)`` with ``b = floor(t - 7 days)``, a fraud counting from its own transaction's hour.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from streamsim.streams.events import Ints

HOUR = 3_600_000
DAY = 24 * HOUR
SPANS = {"1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
DELAY = 7 * DAY


def features(raw: pd.DataFrame) -> pd.DataFrame:
    """Compute the features of the handbook's transactions, one row each, by event id."""
    frame = pd.DataFrame(
        {
            "event_id": "tx-" + raw["TRANSACTION_ID"].astype(str),
            "t": raw["TX_DATETIME"].to_numpy().astype("datetime64[ms]").astype(np.int64),
            "card": raw["CUSTOMER_ID"].astype(str),
            "terminal": raw["TERMINAL_ID"].astype(str),
            "cents": (raw["TX_AMOUNT"] * 100).round().astype(np.int64),
            "fraud": raw["TX_FRAUD"].astype(np.int64),
        }
    )
    when = pd.to_datetime(frame["t"], unit="ms")
    result = pd.DataFrame({"event_id": frame["event_id"], "amount": frame["cents"] / 100.0})
    result["night"] = (when.dt.hour <= 6).astype(float)
    result["weekend"] = (when.dt.day_of_week >= 5).astype(float)
    result = result.join(_cards(frame)).join(_terminals(frame))
    base = result["card_mean_30d"]
    known = base > 0
    result["amount_ratio"] = np.where(known, result["amount"] / base, -1.0)
    for span in ("1d", "7d"):
        some = known & (result[f"card_count_{span}"] > 0)
        result[f"mean_ratio_{span}"] = np.where(some, result[f"card_mean_{span}"] / base, -1.0)
    return result.set_index("event_id")


def _cards(frame: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for _, own in frame.sort_values("t", kind="stable").groupby("card", sort=False):
        t, cents = own["t"].to_numpy(), own["cents"].to_numpy()
        # Simultaneous payments do not see each other: the past ends before the first of them.
        here = np.searchsorted(t, t, "left")
        part = pd.DataFrame(index=own.index)
        for name, span in SPANS.items():
            start = np.searchsorted(t, t - span, "left")
            count = here - start
            total = _sums(cents, start, here)
            part[f"card_count_{name}"] = count.astype(float)
            part[f"card_mean_{name}"] = np.where(count, total / 100 / np.maximum(count, 1), -1.0)
        start = np.searchsorted(t, t - SPANS["30d"], "left")
        part["amount_z"] = [_z(cents[s:h], c) for s, h, c in zip(start, here, cents, strict=True)]
        last = np.where(here > start, t[np.maximum(here - 1, 0)], 0)
        part["hours_since_last"] = np.where(here > start, (t - last) / HOUR, -1.0)
        parts.append(part)
    return pd.concat(parts)


def _z(past: Ints, cents: int) -> float:
    if len(past) < 2:
        return 0.0
    mean = past.mean()
    deviation = max(past.std(ddof=1), 100 + mean / 4)
    return float(np.clip((cents - mean) / deviation, -100, 100))


def _terminals(frame: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for _, own in frame.groupby("terminal", sort=False):
        bucket = np.sort(own["t"].to_numpy() // HOUR * HOUR)
        fraud = np.sort(own.loc[own["fraud"] == 1, "t"].to_numpy() // HOUR * HOUR)
        end = (own["t"].to_numpy() - DELAY) // HOUR * HOUR
        part = pd.DataFrame(index=own.index)
        for name, span in SPANS.items():
            count, frauds = (
                np.searchsorted(times, end, "left") - np.searchsorted(times, end - span, "left")
                for times in (bucket, fraud)
            )
            part[f"terminal_count_{name}"] = count.astype(float)
            part[f"terminal_frauds_{name}"] = frauds.astype(float)
            part[f"terminal_risk_{name}"] = (frauds + 0.01) / (count + 2.0)
        parts.append(part)
    return pd.concat(parts)


def _sums(values: Ints, start: Ints, end: Ints) -> Ints:
    cumulative = np.concatenate(([0], np.cumsum(values)))
    sums: Ints = cumulative[end] - cumulative[start]
    return sums


def visits(lines: pd.DataFrame) -> pd.DataFrame:
    """Compute what retail's windows say of each till line, one household at a time.

    Parameters
    ----------
    lines
        ``time`` (ms), ``entity``, ``amount_cents``, ``discount_cents``, ``line_no``.
    """
    parts = [_household(own) for _, own in lines.groupby("entity", sort=False)]
    return pd.concat(parts).reindex(lines.index)


def _household(own: pd.DataFrame) -> pd.DataFrame:
    time = own["time"].to_numpy()
    paid, off = own["amount_cents"].to_numpy(), own["discount_cents"].to_numpy()
    opens = own["line_no"].to_numpy() == 1
    rows = []
    for at in time:
        row: dict[str, float] = {}
        for days in (7, 14, 30, 90, 720):
            inside = (time < at) & (time >= at - days * 86_400_000)
            count, spent, saved = opens[inside].sum(), paid[inside].sum(), off[inside].sum()
            row[f"visits_{days}d"] = count
            row[f"lines_{days}d"] = inside.sum() / count if count else -1
            row[f"spent_{days}d"] = spent / 100
            row[f"basket_{days}d"] = spent / 100 / count if count else -1
            row[f"saved_{days}d"] = saved / (spent + saved) if count and spent + saved else -1
        before = time[(time < at) & (time >= at - 720 * 86_400_000)]
        since = (at - before.max()) / 86_400_000 if len(before) else -1
        row["days_since_last"] = since
        for days, name in ((90, "overdue"), (720, "overdue_720d")):
            count = row[f"visits_{days}d"]
            row[name] = since / (days / count) if count else -1
        rows.append(row)
    return pd.DataFrame(rows, index=own.index)
