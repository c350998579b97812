"""Rain: seeded stations, in one season, with wet spells."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Ints, as_objects
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, HOUR, Emission, Slice

from .schema import LABEL_DELAY, MEASURED

EPOCH = 1_735_689_600_000  # 2025-01-01
OPTIONS: Mapping[str, float] = {"stations": 400, "spells": 1.0}
"""Number of stations, and how often one has a wet spell (0: never)."""


@dataclass(frozen=True, slots=True)
class Country:
    """The world of one seed."""

    seed: int
    options: Mapping[str, float]

    def slices(self) -> Iterator[Slice]:
        """Yield what happens, a day at a time."""
        n = int(self.options["stations"])
        name = as_objects(f"s{i:04}" for i in range(n))
        north = stream(self.seed, "stations").normal(size=n)
        dry_from = np.zeros(n, np.int64)
        before: tuple[Ints, list[str], list[int]] = np.empty(0, np.int64), [], []
        day = 0
        while True:
            start, draw = EPOCH + day * DAY, stream(self.seed, "readings", day)
            begins = (draw.random(n) < 0.01 * self.options["spells"]) & (dry_from <= start)
            dry_from[begins] = start + draw.integers(3, 9, int(begins.sum())) * DAY
            wet = (dry_from > start).astype(float)
            warmth = np.sin(2 * np.pi * (day - 110) / 365) - 0.3 * north + draw.normal(0, 0.5, n)
            front = draw.normal(size=n) + 1.4 * wet
            moist = draw.normal(size=n) + 0.6 * front
            chance = 1 / (1 + np.exp(1.8 - 1.2 * front - 1.1 * moist))
            rained = draw.random(n) < chance
            wind = 0.5 * front + draw.normal(0, 0.8, n)
            spread = 0.5 - 0.3 * moist + draw.normal(0, 0.2, n)
            read = {
                "temperature": warmth,
                "dew_point": warmth + 0.5 * moist - 0.5,
                "pressure": -0.8 * front + draw.normal(0, 0.5, n),
                "visibility": -0.7 * moist + draw.normal(0, 0.6, n),
                "wind": wind,
                "strongest_wind": wind + draw.gamma(2, 0.3, n),
                "lowest": warmth - spread,
                "highest": warmth + spread,
            }
            ids = [f"r-{day}-{i}" for i in range(n)]
            at = np.full(n, start + 23 * HOUR)
            known, about, was = before
            yield Slice(
                start + DAY,
                (
                    emit("readings", at, ids, station=name,
                         **{field: np.round(read[field], 4).tolist() for field in MEASURED}),
                    emit("gauges", known, [f"g-{own}" for own in about],
                         station=name[: len(about)], reading_id=about, rained=was),
                    emit(
                        "truth",
                        np.full(int(begins.sum()), start),
                        [f"spell-{day}-{i}" for i in np.flatnonzero(begins)],
                        station=name[begins],
                        kind=["wet_spell"] * int(begins.sum()),
                        onset=format_times(np.full(int(begins.sum()), start)),
                        until=format_times(dry_from[begins]),
                    ),
                ),
            )  # fmt: skip
            before = at + LABEL_DELAY, ids, rained.astype(int).tolist()
            day += 1


def emit(source: str, at: Ints, ids: list[str], **columns: Iterable[Any]) -> Emission:
    """Write events whose key is the station."""
    values = encode_objects({"event_id": ids, "event_time": format_times(at), **columns})
    return Emission(source, at, at, [str(s).encode() for s in columns["station"]], values)


def world(seed: int, options: Mapping[str, float]) -> Country:
    """Return the world of a seed."""
    return Country(seed, {**OPTIONS, **options})
