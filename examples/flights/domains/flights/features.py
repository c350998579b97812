"""Flights: the schedule, and who left late up to an hour before."""

import numpy as np

from streamsim.streams.events import NO_TIME, Events, Floats, Ints
from streamsim.streams.spec import DAY, UNKNOWN, Aggregates, FeatureSpec

from .schema import CARRIERS, ORIGINS

HELP = {
    "hour": "local hour of the scheduled departure",
    "weekday": "day of the week, Monday is 0",
    "distance": "miles to the destination",
    "carrier": "the airline's place in the list of airlines",
    "origin": "the airport's place in the list of airports",
    "airport_3h": "share of the airport's departures of three hours that left late",
    "airport_1d": "share of the airport's departures of a day that left late",
    "airline_1d": "share of the airline's departures of a day that left late",
    "airline_7d": "share of the airline's departures of a week that left late",
    "destination_1d": "share of the departures to there of a day that left late",
    "destination_7d": "share of the departures to there of a week that left late",
    "own_days": "days since this flight last left late",
    "own_minutes": "minutes by which it then was late",
}


def assemble(events: Events, aggregates: Aggregates) -> Floats:
    """Make the features, shape ``(n_events, 13)``."""
    own = aggregates.joins["late_departures"]
    since = np.where(own.time == NO_TIME, np.nan, (events.event_time - own.time) / DAY)
    minutes = [np.nan if value is None else value for value in own.columns["minutes"]]
    shares = [
        late / np.where(scheduled > 0, scheduled, np.nan)
        for table in ("airports", "airlines", "destinations")
        for late, scheduled in _columns(aggregates, table)
    ]
    found = np.column_stack(
        [
            events.integers("minute") / 60,
            events.integers("weekday"),
            events.integers("distance"),
            _place(events, "carrier", CARRIERS),
            _place(events, "origin", ORIGINS),
            *shares,
            since,
            np.array(minutes, np.float64),
        ]
    )
    return np.where(np.isnan(found), UNKNOWN, found)


def _columns(aggregates: Aggregates, table: str) -> list[tuple[Ints, Ints]]:
    """Return late and scheduled departures of each window."""
    found = aggregates.tables[table]
    return list(zip(found["late"].T, found["scheduled"].T, strict=True))


def _place(events: Events, field: str, names: tuple[str, ...]) -> Floats:
    places = {name: float(place) for place, name in enumerate(names)}
    return np.array([places.get(name, np.nan) for name in events.columns[field]], np.float64)


FEATURES = FeatureSpec(
    names=tuple(HELP),
    assemble=assemble,
    help=HELP,
    groups={
        "late departures at the airport": ("airport_3h", "airport_1d"),
        "late departures of the airline": ("airline_1d", "airline_7d"),
        "late departures to there": ("destination_1d", "destination_7d"),
        "the flight's own past": ("own_days", "own_minutes"),
        "the schedule": ("hour", "weekday", "distance", "carrier", "origin"),
    },
    phrases={
        "hour": "at {value:.0f} o'clock",
        "airport_3h": "{value:.0%} of the airport's departures late, usually {usual:.0%}",
        "airline_1d": "{value:.0%} of the airline's departures late, usually {usual:.0%}",
        "destination_1d": "{value:.0%} of the departures to there late, usually {usual:.0%}",
        "own_days": "left late {value:.0f} days ago, usually {usual:.0f}",
        "distance": "{value:,.0f} miles, usually {usual:,.0f}",
    },
    unknown={"own_days": "has not left late in 30 days"},
)
