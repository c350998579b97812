"""Water: what a reading and a repair look like."""

from streamsim.streams.spec import DAY, HOUR, Field, Kind, Role, SourceSpec, Windows

LABEL_DELAY = 2 * DAY
METER = Field("meter_id", Kind.STRING, "the meter")

READINGS = SourceSpec(
    name="readings",
    role=Role.TRIGGER,
    key="meter_id",
    help="what each meter has counted in four hours",
    fields=(METER, Field("litres", Kind.INTEGER, "used", low=0, high=100_000, unit="litres")),
    allowed_lateness=HOUR,
)
REPAIRS = SourceSpec(
    name="repairs",
    role=Role.LABEL,
    key="meter_id",
    help="readings that had a leak in them, as the plumber found",
    fields=(METER, Field("reading_id", Kind.STRING, "event_id of the reading")),
)
USE = Windows(name="use", key="meter_id", value="litres", lengths=(DAY, 7 * DAY))
