"""Flights: what a departure, a landing and a late departure look like."""

from streamsim.streams.spec import (
    DAY,
    HOUR,
    AsOfJoin,
    Field,
    GlobalTableSpec,
    Kind,
    Role,
    SourceSpec,
)

LABEL_DELAY = 2 * DAY
"""The latest landing of 2013 is 33 hours after its scheduled departure (ms)."""
LATE_MINUTES = 15
"""From here on a departure or an arrival counts as late, as for the US authorities."""
CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX",
            "WN", "YV")  # fmt: skip
ORIGINS = ("EWR", "JFK", "LGA")

_FLIGHT = (
    Field("flight", Kind.STRING, "carrier and number, the same each day"),
    Field("carrier", Kind.STRING, "code of the airline", max_length=2),
    Field("origin", Kind.STRING, "airport", max_length=3),
    Field("destination", Kind.STRING, "airport", max_length=3),
)
DEPARTURES = SourceSpec(
    name="departures",
    role=Role.TRIGGER,
    key="flight",
    help="departures, at their scheduled time",
    fields=(
        *_FLIGHT,
        Field("distance", Kind.INTEGER, "way", low=0, high=10_000, unit="miles"),
        Field("minute", Kind.INTEGER, "local time", low=0, high=1_439, unit="minutes of the day"),
        Field("weekday", Kind.INTEGER, "local day, Monday is 0", low=0, high=6),
    ),
    max_ahead=HOUR,
)
LANDINGS = SourceSpec(
    name="landings",
    role=Role.LABEL,
    key="flight",
    help="flights that have landed, and whether they were late",
    fields=(
        _FLIGHT[0],
        Field("departure_id", Kind.STRING, "event_id of the departure"),
        Field("late", Kind.INTEGER, "1: 15 or more minutes after schedule", low=0, high=1),
    ),
)
LATE_DEPARTURES = SourceSpec(
    name="late_departures",
    role=Role.CONTEXT,
    key="flight",
    help="flights that left 15 or more minutes late, at the time at which they left",
    fields=(*_FLIGHT, Field("minutes", Kind.NUMBER, "after schedule", low=0, high=10_000)),
)


def counted(name: str, key: str, *lengths: int) -> GlobalTableSpec:
    """Return a table of scheduled and of late departures, up to an hour before an event."""
    counts = {"scheduled": "departures", "late": "late_departures"}
    return GlobalTableSpec(
        name=name, key=key, bucket=HOUR, delay=HOUR, lengths=lengths, counts=counts
    )


AIRPORT = counted("airports", "origin", 3 * HOUR, DAY)
AIRLINE = counted("airlines", "carrier", DAY, 7 * DAY)
DESTINATION = counted("destinations", "destination", DAY, 7 * DAY)
OWN = AsOfJoin("late_departures", ("minutes",), delay=HOUR, keep=30 * DAY)
