"""Rain: what a day's readings and its gauge look like."""

from streamsim.streams.spec import DAY, Field, Kind, Role, SourceSpec

LABEL_DELAY = DAY
"""The gauge is read on the next day (ms)."""
STATION = Field("station", Kind.STRING, "the weather station")
MEASURED = {
    "temperature": "mean temperature",
    "dew_point": "mean dew point",
    "pressure": "mean pressure at sea level",
    "visibility": "mean visibility",
    "wind": "mean speed of the wind",
    "strongest_wind": "largest sustained speed of the wind",
    "lowest": "lowest temperature",
    "highest": "highest temperature",
}
"""Each is published in standard deviations from its mean over all years."""
READINGS = SourceSpec(
    name="readings",
    role=Role.TRIGGER,
    key="station",
    help="what a station has measured in a day",
    fields=(
        STATION,
        *(
            Field(name, Kind.NUMBER, text, low=-100, high=100, unit="standard deviations")
            for name, text in MEASURED.items()
        ),
    ),
)
GAUGES = SourceSpec(
    name="gauges",
    role=Role.LABEL,
    key="station",
    help="whether it rained on a day, read on the next one",
    fields=(
        STATION,
        Field("reading_id", Kind.STRING, "event_id of the readings"),
        Field("rained", Kind.INTEGER, "1: there was rain in the gauge", low=0, high=1),
    ),
)
