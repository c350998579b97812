"""Logistics: features of a reading, from its vehicle's past, the weather, and the workshop.

Sensor features are in the spread of the fleet's reference. Unknown values are -1, and a missing
sensor is a feature of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streamsim.streams.events import Events, Floats
from streamsim.streams.feature_columns import coded, numbers, versions
from streamsim.streams.spec import HOUR
from streamsim.streams.spec.feature_vector import UNKNOWN, Aggregates, FeatureSpec

from .condition import DEFINITION, MEASURED
from .fleet import COOLANT, SENSORS, TYPES

_WATCHED = SENSORS[:5]
_SPOKEN = {
    "coolant_temp": "coolant temperature",
    "oil_pressure": "oil pressure",
    "vibration": "vibration",
    "voltage": "voltage",
    "air_pressure": "air pressure",
}
_KINDS = {
    "mean_60": "mean of the last 60 readings",
    "slow_300": "average of about 7 minutes",
    "slow_1800": "average of about 45 minutes",
    "own_60": "mean of 60 readings less that of the first 600",
    "rise": "excess over its beginning, added up",
    "fall": "shortfall of its beginning, added up",
}
_SENSED = {
    f"{kind}_{sensor}": f"{_SPOKEN[sensor]} beyond the usual: {what} (in the fleet's spread)"
    for sensor in _WATCHED
    for kind, what in _KINDS.items()
}
_WORK = {
    "slow_60_load": "load: average of about 1.5 minutes (in the fleet's spread)",
    "slow_300_load": "load: average of about 7 minutes (in the fleet's spread)",
    "slow_60_speed": "speed: average of about 1.5 minutes (in the fleet's spread)",
    "slow_300_speed": "speed: average of about 7 minutes (in the fleet's spread)",
}
_CONTEXT = {
    "outside_temp": "temperature of the air (C), -1 if not known",
    "rain": "rain (mm/h), -1 if not known",
    "roughness": "roughness of the road (0 to 1), -1 if not known",
    "grade": "grade of the road (%), -1 if not known",
    "hours_since_service": "hours since the last work order, -1 if none is known",
    "vehicle_type": "0 van, 1 truck, 2 bus, -1 another",
    "sensors_missing": "how many of the sensors have said nothing for a minute",
    "readings": "readings of the vehicle so far",
}
_HELP = {**_SENSED, **_WORK, **_CONTEXT}

_COLUMNS = [DEFINITION.names.index(name) for name in (*_SENSED, *_WORK)]
_ABSENT = [DEFINITION.names.index(f"absent_{sensor}") for sensor in _WATCHED]
_READINGS = DEFINITION.names.index("readings")
_TYPES = {kind: number for number, kind in enumerate(TYPES)}


def assemble(events: Events, aggregates: Aggregates) -> Floats:
    """Compute the features, shape ``(n_events, n_features)``."""
    found: Floats = aggregates.tracked["condition"]["found"]
    around, orders = aggregates.joins["environment"], aggregates.joins["work_orders"]
    done = numbers(orders.columns["done_at"])
    since = np.where(done == UNKNOWN, UNKNOWN, (events.event_time - done) / HOUR)
    return np.column_stack(
        [
            found[:, _COLUMNS],
            *(numbers(around.columns[n]) for n in ("outside_temp", "rain", "roughness", "grade")),
            since,
            coded(events.strings("vehicle_type"), _TYPES),
            found[:, _ABSENT].sum(axis=1),
            found[:, _READINGS],
        ]
    )


def lineage(aggregates: Aggregates) -> list[dict[str, Any]]:
    """Return the joined versions of each reading's context, and what was corrected in it."""
    tracked = aggregates.tracked["condition"]
    conversions = MEASURED[COOLANT].conversions
    units = [conversions[u - 1].name if u else None for u in tracked["unit"][:, COOLANT].tolist()]
    frozen = np.where(tracked["frozen"].any(axis=1), tracked["frozen"].argmax(axis=1), -1)
    stands = [SENSORS[sensor] if sensor >= 0 else None for sensor in frozen.tolist()]
    columns = {**versions(aggregates.joins), "coolant_temp": units, "frozen": stands}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _of(*sensors: str) -> tuple[str, ...]:
    order = ("own_60", "mean_60", "slow_300", "rise", "fall", "slow_1800")
    return tuple(f"{kind}_{sensor}" for sensor in sensors for kind in order)


_PHRASES = {
    "mean_60": "{what} {{value:+.1f}} spreads off for its load and road, usually {{usual:+.1f}}",
    "slow_300": "{what} {{value:+.1f}} spreads off for minutes, usually {{usual:+.1f}}",
    "slow_1800": "{what} {{value:+.1f}} spreads off for long, usually {{usual:+.1f}}",
    "own_60": "{what} {{value:+.1f}} spreads from the vehicle's own, usually {{usual:+.1f}}",
    "rise": "{what} has long been over the vehicle's own",
    "fall": "{what} has long been under the vehicle's own",
}

FEATURES = FeatureSpec(
    names=tuple(_HELP),
    assemble=assemble,
    lineage=lineage,
    help=_HELP,
    groups={
        "cooling": _of("coolant_temp"),
        "charging": _of("voltage"),
        "bearing": _of("vibration", "oil_pressure"),
        "brakes": _of("air_pressure"),
        "work": tuple(_WORK),
        "weather and road": ("outside_temp", "rain", "roughness", "grade"),
        "history": ("hours_since_service", "readings", "vehicle_type", "sensors_missing"),
    },
    phrases={
        f"{kind}_{sensor}": phrase.format(what=_SPOKEN[sensor])
        for kind, phrase in _PHRASES.items()
        for sensor in _WATCHED
    },
    unknown={"hours_since_service": "no work order is known"},
)
