"""Water: how a reading differs from what its meter usually counts."""

import numpy as np

from streamsim.streams.events import Events, Floats
from streamsim.streams.spec import HOUR, UNKNOWN, Aggregates, FeatureSpec

HELP = {
    "litres": "litres of this reading",
    "hour": "hour of the day",
    "over_day": "litres over the mean reading of the day before",
    "over_week": "litres over the mean reading of seven days",
    "unevenness": "deviation of the day's readings over their mean",
}


def assemble(events: Events, aggregates: Aggregates) -> Floats:
    """Make the features, shape ``(n_events, 5)``."""
    past, litres = aggregates.windows["use"], events.integers("litres")
    mean = past.total / np.maximum(past.count, 1)
    over = np.where(mean > 0, litres[:, None] / np.maximum(mean, 1e-9), UNKNOWN)
    spread = np.sqrt(np.maximum(past.squares / np.maximum(past.count, 1) - mean**2, 0))
    uneven = np.where(mean > 0, spread / np.maximum(mean, 1e-9), UNKNOWN)[:, 0]
    return np.column_stack([litres, events.event_time // HOUR % 24, over, uneven])


FEATURES = FeatureSpec(
    names=tuple(HELP),
    assemble=assemble,
    help=HELP,
    groups={
        "use against the week": ("over_week",),
        "use against the day": ("over_day", "unevenness"),
        "use at that hour": ("litres", "hour"),
    },
    phrases={
        "litres": "{value:.0f} litres, usually {usual:.0f}",
        "hour": "at {value:.0f} o'clock",
        "over_day": "{value:.1f} times the day's mean, usually {usual:.1f}",
        "over_week": "{value:.1f} times the week's mean, usually {usual:.1f}",
        "unevenness": "readings of a day that differ by {value:.0%}, usually {usual:.0%}",
    },
)
