"""Retail: features of a till's line, from its household's past.

Windows are ``[t - span, t)``: the lines of one receipt have the same instant and do not see each
other. Unknown values are -1, not NaN. Whether the database and the programme know the household
are features of their own.

Recency, frequency and money are the classic three (Bult and Wansbeek 1995, *Optimal selection for
direct mail*, Marketing Science 14, 378-394); each is also compared with the household's own past.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streamsim.streams.calendar import weekday
from streamsim.streams.events import NO_TIME, Events, Floats, Ints, Objects, as_objects
from streamsim.streams.feature_columns import coded, elapsed, numbers, ratio, versions
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.feature_vector import UNKNOWN, Aggregates, FeatureSpec

from .schema import SPANS

POLICY = {"age": ("customers", "loyalty"), "household_size": ("customers", "loyalty")}
"""Fields of two sources, and which source takes precedence: a household's own statements to the
programme may be years old."""

_AGES = {"19-24": 22, "25-34": 30, "35-44": 40, "45-54": 50, "55-64": 60, "65+": 70}
_INCOMES = {
    "Under 15K": 10, "15-24K": 20, "25-34K": 30, "35-49K": 42, "50-74K": 62, "75-99K": 87,
    "100-124K": 112, "125-149K": 137, "150-174K": 162, "175-199K": 187, "200-249K": 225,
    "250K+": 275,
}  # fmt: skip
_SIZES = {"1": 1, "2": 2, "3": 3, "4": 4, "5+": 5}
_KIDS = {"0": 0, "1": 1, "2": 2, "3+": 3}
_OWNS = {"Homeowner": 1, "Probable Homeowner": 1, "Renter": 0, "Probable Renter": 0}
_MARRIED = {"Married": 1, "Unmarried": 0}

_QUARTER = SPANS.index(90 * DAY)
"""The window that shorter ones are compared with."""
_DAYS = tuple(f"{span // DAY}d" for span in SPANS)
_SPOKEN = tuple(f"{span // DAY} days" for span in SPANS)
_HELP = {
    "amount": "paid for the line (USD)",
    "discount_share": "share of the line's price that was taken off",
    "weekend": "1 on Saturday and Sunday, UTC",
    "hour": "hour of the day, UTC",
    **{f"visits_{d}": f"visits of the household in the last {d}" for d in _DAYS},
    **{f"lines_{d}": f"lines per visit, -1 without a visit ({d})" for d in _DAYS},
    **{f"spent_{d}": f"spent on these (USD, {d})" for d in _DAYS},
    **{f"basket_{d}": f"spent per visit (USD), -1 without a visit ({d})" for d in _DAYS},
    **{f"saved_{d}": f"share of the price that was taken off, -1 without a visit ({d})"
       for d in _DAYS},
    "days_since_last": "days since the household's last visit, -1 if none in 720 days",
    "overdue": "days since the last visit, over the mean gap of 90 days; -1 if not known",
    "tenure": "days since its first visit, -1 if not seen in 720 days",
    "gap_share": "days since the last visit, over those since the first; -1 if not known",
    "overdue_720d": "the same over the mean gap of 720 days",
    **{f"pace_{d}": f"visits a day in {d} over those in 90 days, -1 without a visit"
       for d in _DAYS[:_QUARTER]},
    "basket_trend": "spent per visit in 14 days over that in 90 days, -1 if not known",
    "saved_trend": "saved_14d less saved_90d, 0 if not known",
    "on_file": "1 if the customer database knows the household",
    "age": "age of its head (years), -1 if not known",
    "income": "its income (1,000 USD a year), -1 if not known",
    "household_size": "how many live there, -1 if not known",
    "kids": "how many children, -1 if not known",
    "owns_home": "1 if it owns its home, 0 if not, -1 if not known",
    "married": "1 if its head is married, 0 if not, -1 if not known",
    "asked": "1 if the loyalty programme had answered about the household",
    "member": "1 if it is in the programme, 0 if not, -1 if not known",
    "campaigns_active": "campaigns that it takes part in, -1 if not known",
    "campaigns_joined": "campaigns that it has taken part in, -1 if not known",
    "redemptions_90d": "coupons that it redeemed in 90 days, -1 if not known",
    "days_since_redeemed": "days since it last redeemed a coupon, -1 if it is not known to have",
}  # fmt: skip


def assemble(events: Events, aggregates: Aggregates) -> Floats:
    """Compute the features, shape ``(n_events, n_features)``."""
    visits, spent, saved = (aggregates.windows[name] for name in ("visits", "spent", "saved"))
    time, count = events.event_time, visits.total
    paid, off = events.integers("amount_cents"), events.integers("discount_cents")
    basket = ratio(spent.total / 100.0, count)
    share = ratio(saved.total, spent.total + saved.total, count > 0)
    days = np.array([span / DAY for span in SPANS])
    per_day = count / days
    since = elapsed(time, visits.last, DAY)
    tenure = elapsed(time, visits.first, DAY)
    gap = ratio(np.broadcast_to(days, count.shape), count)
    known = count[:, 1] > 0
    return np.column_stack(
        [
            paid / 100.0,
            ratio(off, paid + off),
            weekday(time) >= 5,
            time // HOUR % 24,
            count,
            ratio(visits.count, count),
            spent.total / 100.0,
            basket,
            share,
            since,
            ratio(since, gap[:, _QUARTER], since >= 0),
            tenure,
            ratio(since, tenure, since >= 0),
            ratio(since, gap[:, -1], since >= 0),
            ratio(per_day[:, :_QUARTER], per_day[:, _QUARTER, None]),
            ratio(basket[:, 1], basket[:, _QUARTER], known),
            np.where(known, share[:, 1] - share[:, _QUARTER], 0.0),
            *_demographics(aggregates),
            *_loyalty(time, aggregates),
        ]
    )


def _demographics(aggregates: Aggregates) -> list[Floats]:
    customer = aggregates.joins["customers"]
    codes = (
        ("age", _AGES),
        ("income", _INCOMES),
        ("household_size", _SIZES),
        ("kids_count", _KIDS),
        ("home_ownership", _OWNS),
        ("marital_status", _MARRIED),
    )
    on_file = (customer.time != NO_TIME).astype(np.float64)
    resolved = {name: values for name, (values, _) in resolve(aggregates).items()}
    columns = {**customer.columns, **resolved}
    return [on_file, *(coded(columns[name], table) for name, table in codes)]


def resolve(aggregates: Aggregates) -> dict[str, tuple[Objects, Objects]]:
    """Resolve fields of two sources.

    Returns
    -------
    Per field of :data:`POLICY`, the values and their sources, shape ``(n,)`` each, ``None`` where
    neither source has one.
    """
    settled = {}
    for name, order in POLICY.items():
        value = as_objects([None] * len(aggregates.joins[order[0]].time))
        winner = value.copy()
        for source in reversed(order):
            said = aggregates.joins[source].columns[name]
            known = np.array([one is not None for one in said], bool)
            value[known], winner[known] = said[known], source
        settled[name] = value, winner
    return settled


def lineage(aggregates: Aggregates) -> list[dict[str, Any]]:
    """Return the joined version of each context of an event, and the source of each field."""
    winners = {name: won.tolist() for name, (_, won) in resolve(aggregates).items()}
    columns = {**versions(aggregates.joins), **winners}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _loyalty(time: Ints, aggregates: Aggregates) -> list[Floats]:
    said = aggregates.joins["loyalty"]
    asked = (said.time != NO_TIME).astype(np.float64)
    names = ("member", "campaigns_active", "campaigns_joined", "redemptions_90d")
    last = numbers(said.columns["last_redeemed"])
    since = np.where(last == UNKNOWN, UNKNOWN, (time - last) / DAY)
    return [asked, *(numbers(said.columns[name]) for name in names), since]


def _all(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{d}" for d in _DAYS)


_PHRASES = {
    "visits": "{{value:,.0f}} visits in {span}, usually {{usual:,.0f}}",
    "pace": "{{value:.1f}} times as many visits in {span} as in 90, usually {{usual:.1f}}",
    "lines": "{{value:,.1f}} lines a visit in {span}, usually {{usual:,.1f}}",
    "spent": "{{value:,.2f}} {{currency}} spent in {span}, usually {{usual:,.2f}}",
    "basket": "{{value:,.2f}} {{currency}} a visit in {span}, usually {{usual:,.2f}}",
    "saved": "{{value:.0%}} of the price saved in {span}, usually {{usual:.0%}}",
}

FEATURES = FeatureSpec(
    names=tuple(_HELP),
    assemble=assemble,
    lineage=lineage,
    help=_HELP,
    groups={
        "pace of visits": ("pace_14d", "pace_30d", "pace_7d", *_all("visits")),
        "time since the last visit": (
            "overdue", "overdue_720d", "days_since_last", "gap_share", "tenure",
        ),
        "baskets": ("basket_trend", *_all("basket"), *_all("spent"), *_all("lines"), "amount"),
        "promotions": ("saved_trend", *_all("saved"), "discount_share"),
        "who they are": (
            "on_file", "age", "income", "household_size", "kids", "owns_home", "married",
        ),
        "loyalty": (
            "days_since_redeemed", "redemptions_90d", "campaigns_active", "campaigns_joined",
            "member", "asked",
        ),
        "time": ("hour", "weekend"),
    },
    facts={"currency": "USD"},
    phrases={
        "days_since_last": "{value:,.0f} days since the last visit, usually {usual:,.0f}",
        "overdue": "{value:.1f} times the usual gap since the last visit, usually {usual:.1f}",
        "basket_trend": "baskets of 14 days are {value:.1f} times those of 90, usually {usual:.1f}",
        "saved_trend": "{value:+.0%} more of the price saved than before",
        "on_file": "not in the customer database",
        "days_since_redeemed": "{value:,.0f} days since a coupon, usually {usual:,.0f}",
        "redemptions_90d": "{value:,.0f} coupons redeemed in 90 days, usually {usual:,.0f}",
        **{
            f"{name}_{d}": phrase.format(span=span)
            for name, phrase in _PHRASES.items()
            for d, span in zip(_DAYS, _SPOKEN, strict=True)
            if f"{name}_{d}" in _HELP
        },
    },
    unknown={
        "days_since_last": "not seen in 720 days",
        "overdue": "not seen in 90 days",
        "overdue_720d": "not seen in 720 days",
        "tenure": "not seen in 720 days",
        "gap_share": "not seen in 720 days",
        "basket_trend": "no visit in 14 days",
        "days_since_redeemed": "not known to have redeemed a coupon",
        **{
            f"{name}_{d}": f"no visit in {span}"
            for name in ("lines", "basket", "saved", "pace")
            for d, span in zip(_DAYS, _SPOKEN, strict=True)
            if f"{name}_{d}" in _HELP
        },
    },
)  # fmt: skip
