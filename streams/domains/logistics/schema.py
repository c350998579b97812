"""Logistics: schemas of readings, environment records, work orders and outcomes."""

from __future__ import annotations

from streamsim.streams.spec import HOUR, MINUTE, SECOND, Field, Kind, Role, SourceSpec
from streamsim.streams.spec.features import AsOfJoin

HORIZON = 30 * MINUTE
"""Time after a reading within which a breakdown counts as a failure (ms)."""

HEARTBEAT = 15 * SECOND
LATENESS = 5 * SECOND
"""Allowed lateness of a reading (ms)."""

LABEL_DELAY = HORIZON + MINUTE
"""Time after a reading when its failure label is known at the latest (ms)."""

LIFE = 2 * HORIZON
"""Cap of the remaining life (ms): a vehicle that lasts longer has no signs of failure yet. Heimes
(2008) and Li, Ding and Sun (2018) cap that of turbofans in the same way."""
LIFE_DELAY = LIFE + MINUTE
"""Time after a reading when its remaining life is known at the latest (ms)."""
REMAINING = "remaining_life_min"

COMPONENTS = ("cooling", "charging", "bearing", "brakes")

BREAKDOWN, REPAIR, SERVICE = "breakdown", "repair", "service"

_VEHICLE = Field("vehicle_id", Kind.STRING, "vehicle", max_length=40)


def _sensor(name: str, help: str, unit: str) -> Field:
    return Field(name, Kind.NUMBER, help, required=False, unit=unit)


TELEMETRY = SourceSpec(
    name="telemetry",
    role=Role.TRIGGER,
    key="vehicle_id",
    help="what a vehicle's sensors say, once a second while it drives; types have their own sets",
    fields=(
        _VEHICLE,
        Field("vehicle_type", Kind.STRING, "kind of vehicle", required=False, max_length=20),
        _sensor("coolant_temp", "coolant temperature; some come to tell it in F", "C"),
        _sensor("oil_pressure", "pressure of the oil", "kPa"),
        _sensor("vibration", "vibration at the axle", "m/s2"),
        _sensor("voltage", "voltage of the battery", "V"),
        _sensor("air_pressure", "pressure of the air brakes", "kPa"),
        _sensor("load", "engine load", "%"),
        _sensor("speed", "speed", "km/h"),
        _sensor("latitude", "position", "degrees"),
        _sensor("longitude", "position", "degrees"),
    ),
    allowed_lateness=LATENESS,
    max_ahead=MINUTE,
    remember=5 * MINUTE,
)

ENVIRONMENT = SourceSpec(
    name="environment",
    role=Role.CONTEXT,
    key="vehicle_id",
    help="weather and road where a vehicle drives, once a minute",
    fields=(
        _VEHICLE,
        Field("outside_temp", Kind.NUMBER, "temperature of the air", unit="C"),
        Field("rain", Kind.NUMBER, "rain", unit="mm/h", low=0),
        Field("roughness", Kind.NUMBER, "of the road: 0 smooth, 1 a track", low=0, high=1),
        Field("grade", Kind.NUMBER, "mean grade of the road, up and down", unit="%", low=0),
    ),
    max_ahead=MINUTE,
    remember=HOUR,
)

WORK_ORDERS = SourceSpec(
    name="work_orders",
    role=Role.CONTEXT,
    key="vehicle_id",
    help="breakdowns, repairs and services, as the workshop writes them down",
    fields=(
        _VEHICLE,
        Field("kind", Kind.STRING, "breakdown, repair or service", max_length=20),
        Field("component", Kind.STRING, "what broke or was renewed", required=False, max_length=20),
        Field("done_at", Kind.TIME, "when; the first of a vehicle tells of the past"),
    ),
    max_ahead=MINUTE,
    remember=HOUR,
)

FAILURES = SourceSpec(
    name="failures",
    role=Role.LABEL,
    key="vehicle_id",
    help="whether a vehicle has broken down within 30 minutes of a reading, of one a minute",
    fields=(
        _VEHICLE,
        Field("reading_id", Kind.STRING, "event_id of the reading"),
        Field("failed", Kind.INTEGER, "1 or 0", low=0, high=1),
    ),
    max_ahead=MINUTE,
    remember=HOUR,
)

LIVES = SourceSpec(
    name="lives",
    role=Role.LABEL,
    key="vehicle_id",
    help="how long after a reading, of one a minute, the vehicle broke down; 60 minutes at most",
    fields=(
        _VEHICLE,
        Field("reading_id", Kind.STRING, "event_id of the reading"),
        Field(
            REMAINING,
            Kind.NUMBER,
            "minutes until it broke down, 60 if it lasted longer",
            low=0,
            high=LIFE / MINUTE,
            unit="min",
        ),
    ),
    max_ahead=MINUTE,
    remember=HOUR,
)

# Context counts half a minute later, so that no reading waits for a heartbeat of other sources.
_DELAY = 2 * HEARTBEAT
SURROUNDINGS = AsOfJoin("environment", ("outside_temp", "rain", "roughness", "grade"), delay=_DELAY)
WORKSHOP = AsOfJoin("work_orders", ("kind", "component", "done_at"), delay=_DELAY)
