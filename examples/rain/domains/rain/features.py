"""Rain: the day's readings as they are, and what they say together."""

import numpy as np

from streamsim.streams.events import Events, Floats
from streamsim.streams.spec import Aggregates, FeatureSpec

from .schema import MEASURED

HELP = {
    **{name: f"{text}, in standard deviations" for name, text in MEASURED.items()},
    "moisture": "dew point less temperature",
    "range": "highest less lowest temperature",
}


def assemble(events: Events, aggregates: Aggregates) -> Floats:
    """Make the features, shape ``(n_events, 10)``."""
    read = {name: np.asarray(events.columns[name], np.float64) for name in MEASURED}
    return np.column_stack(
        [
            *read.values(),
            read["dew_point"] - read["temperature"],
            read["highest"] - read["lowest"],
        ]
    )


FEATURES = FeatureSpec(
    names=tuple(HELP),
    assemble=assemble,
    help=HELP,
    groups={
        "sight and moisture": ("visibility", "moisture", "dew_point"),
        "pressure": ("pressure",),
        "wind": ("strongest_wind", "wind"),
        "temperature": ("range", "temperature", "lowest", "highest"),
    },
    phrases={
        "visibility": "visibility {value:+.1f}, usually {usual:+.1f}",
        "pressure": "pressure {value:+.1f}, usually {usual:+.1f}",
    },
)
