"""Finance: features of a card transaction, from the past of its card and its terminal.

The card's windows are ``[t - span, t)``, to the millisecond. The terminal's have the same spans,
begin and end on the hour, and end seven days ago: ``[b - span, b)`` with ``b = floor_hour(t - 7
d)``. Unknown values (the mean of nothing, a ratio to nothing) are -1, not NaN: a NaN that reaches
a model is always an error.

The choice follows chapter 3 of the *Fraud Detection Handbook* (Le Borgne, Siblini, Lebichot,
Bontempi, 2022), with the terminal's rate smoothed and the amount compared with the card's past.
"""

from __future__ import annotations

import numpy as np

from streamsim.streams.calendar import weekday
from streamsim.streams.events import Events, Floats, Ints
from streamsim.streams.feature_columns import elapsed, ratio
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.feature_vector import Aggregates, FeatureSpec

from .schema import SPANS

PRIOR_RATE, PRIOR_WEIGHT = 0.005, 2.0
"""A terminal's fraud rate starts from this rate, worth this many transactions."""
FLOOR = 0.25
"""Lower bound of a card's standard deviation: 1 EUR, and this share of its mean. Without it a few
equal amounts would make every other amount an outlier."""

_DAYS = tuple(f"{span // DAY}d" for span in SPANS)
_HELP = {
    "amount": "amount (EUR)",
    "night": "1 from 00:00 to 06:59 UTC",
    "weekend": "1 on Saturday and Sunday, UTC",
    **{f"card_count_{d}": f"transactions of the card in the last {d}" for d in _DAYS},
    **{f"card_mean_{d}": f"their mean amount (EUR), -1 if there are none ({d})" for d in _DAYS},
    "amount_ratio": "amount over card_mean_30d",
    "amount_z": "amount less card_mean_30d, in the card's standard deviations",
    "mean_ratio_1d": "card_mean_1d over card_mean_30d",
    "mean_ratio_7d": "card_mean_7d over card_mean_30d",
    "hours_since_last": "hours since the card's last transaction, -1 if none in 30 days",
    **{
        f"terminal_count_{d}": f"transactions at the terminal in the {d} that ended 7 days ago"
        for d in _DAYS
    },
    **{f"terminal_frauds_{d}": f"frauds among these ({d})" for d in _DAYS},
    **{f"terminal_risk_{d}": f"fraud rate of these, smoothed ({d})" for d in _DAYS},
}


def assemble(events: Events, aggregates: Aggregates) -> Floats:
    """Compute the features, shape ``(n_events, n_features)``.

    A mean is total over count. The z-score divides by the sample standard deviation over 30 days,
    or by 1 EUR or a quarter of the mean if that is more. A terminal's risk is
    ``(frauds + 0.005 * 2) / (count + 2)``.
    """
    card = aggregates.windows["card"]
    terminal = aggregates.tables["terminals"]
    cents: Ints = events.columns["amount_cents"]  # type: ignore[assignment]
    time = events.event_time
    mean = ratio(card.total, card.count * np.float64(100))
    base = mean[:, 2]
    amount = cents / 100.0
    counts, frauds = terminal["transactions"], terminal["frauds"]
    risk = (frauds + PRIOR_RATE * PRIOR_WEIGHT) / (counts + PRIOR_WEIGHT)
    hour_of_day = time // HOUR % 24
    return np.column_stack(
        [
            amount,
            hour_of_day <= 6,
            weekday(time) >= 5,
            card.count,
            mean,
            ratio(amount, base),
            _z_score(cents, card.count[:, 2], card.total[:, 2], card.squares[:, 2]),
            ratio(mean[:, 0], base, where=card.count[:, 0] > 0),
            ratio(mean[:, 1], base, where=card.count[:, 1] > 0),
            elapsed(time, card.last, HOUR),
            counts,
            frauds,
            risk,
        ]
    )


def _z_score(cents: Ints, count: Ints, total: Ints, squares: Ints) -> Floats:
    known = count > 1
    n = np.where(known, count, 2)
    mean = total / n
    variance = (squares - total * mean) / (n - 1)
    deviation = np.maximum(np.sqrt(np.maximum(variance, 0.0)), 100.0 + mean * FLOOR)
    return np.where(known, np.clip((cents - mean) / deviation, -100, 100), 0.0)


def _named(prefix: str) -> tuple[str, ...]:
    return tuple(name for name in _HELP if name.startswith(prefix))


_PHRASES = {
    "card_count": "{{value:,.0f}} payments of the card in {span}, usually {{usual:,.0f}}",
    "card_mean": "the card's mean is {{value:,.2f}} {{currency}} in {span}, usually {{usual:,.2f}}",
    "terminal_count": "{{value:,.0f}} payments at the terminal in {span}, usually {{usual:,.0f}}",
    "terminal_frauds": "{{value:,.0f}} frauds at the terminal in {span}",
    "terminal_risk": "{{value:.0%}} of payments at the terminal were fraud in {span}",
}

FEATURES = FeatureSpec(
    names=tuple(_HELP),
    assemble=assemble,
    help=_HELP,
    groups={
        "amount": ("amount",),
        "amount for this card": ("amount_ratio", "amount_z"),
        "card's recent spending": ("mean_ratio_1d", "mean_ratio_7d", *_named("card_mean_")),
        "card's pace": ("card_count_1d", "card_count_7d", "card_count_30d", "hours_since_last"),
        "terminal's frauds": (
            "terminal_risk_7d",
            "terminal_risk_1d",
            "terminal_risk_30d",
            *_named("terminal_frauds_"),
            *_named("terminal_count_"),
        ),
        "time": ("night", "weekend"),
    },
    facts={"currency": "EUR"},
    phrases={
        "amount": "usual amounts are {usual:,.2f} {currency}",
        "amount_ratio": "{value:,.1f} times the card's mean of 30 days",
        "amount_z": "{value:,.1f} deviations from the card's mean of 30 days",
        "mean_ratio_1d": "card's mean of a day {value:.1f} times that of 30, usually {usual:.1f}",
        "mean_ratio_7d": "card's mean of 7 days {value:.1f} times that of 30, usually {usual:.1f}",
        "hours_since_last": "{value:,.1f} h since the card's last payment, usually {usual:,.1f}",
        "night": "at night",
        "weekend": "at the weekend",
        **{
            f"{name}_{d}": phrase.format(span=span)
            for name, phrase in _PHRASES.items()
            for d, span in zip(_DAYS, ("a day", "7 days", "30 days"), strict=True)
        },
    },
)
