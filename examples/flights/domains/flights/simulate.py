"""Flights: a seeded schedule with crowded days, and flights whose turn is too short for a while."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Ints
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, HOUR, MINUTE, Emission, Slice

from .schema import CARRIERS, LATE_MINUTES, ORIGINS

EPOCH = 1_736_121_600_000  # 2025-01-06, a Monday
OPTIONS: Mapping[str, float] = {"flights": 360, "trouble": 1.0}
"""Flights a day, and how many of them get too short a turn (0: none)."""
PLACES = ("ATL", "BOS", "CLT", "DCA", "DEN", "DFW", "FLL", "IAH", "LAX", "MCO", "MIA", "ORD", "PHX",
          "RDU", "SEA", "SFO", "SJU", "TPA")  # fmt: skip
MILES = (760, 190, 540, 214, 1620, 1390, 1070, 1410, 2470, 940, 1090, 730, 2150, 430, 2420, 2580,
         1600, 1010)  # fmt: skip
TO_LOCAL = 5 * HOUR
Waiting = tuple[int, str, str, dict[str, Any]]
"""When it is told, the source, the event's id, and its other fields."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The world of one seed."""

    seed: int
    options: Mapping[str, float]

    def slices(self) -> Iterator[Slice]:
        """Yield what happens, an hour at a time: each flight leaves once a day."""
        n = int(self.options["flights"])
        traits = stream(self.seed, "schedule")
        carrier, origin = traits.integers(len(CARRIERS), size=n), traits.integers(3, size=n)
        place = traits.integers(len(PLACES), size=n)
        minute = np.sort(traits.integers(5 * 60, 23 * 60, size=n))
        slow, until = traits.normal(0, 3, len(CARRIERS)), np.zeros(n, np.int64)
        fields = [
            {"flight": f"{CARRIERS[c]}{100 + i}", "carrier": CARRIERS[c], "origin": ORIGINS[o],
             "destination": PLACES[p]}
            for i, (c, o, p) in enumerate(zip(carrier, origin, place, strict=True))
        ]  # fmt: skip
        pending: list[Waiting] = []
        hour = 0
        while True:
            start, draw = EPOCH + hour * HOUR, stream(self.seed, "departures", hour)
            day, begin = divmod(start - TO_LOCAL - EPOCH, DAY)
            if not begin:
                crowd = stream(self.seed, "days", day).gamma(0.6, 14, (3, 1)) * np.ones(24)
                crowd *= np.linspace(0.2, 1.6, 24)  # delays pile up during a day
            planted = []
            if day >= 0:
                due = np.flatnonzero(minute // 60 == begin // HOUR).tolist()
                for i in due:
                    at = start - start % HOUR + int(minute[i] % 60) * MINUTE
                    key = f"{fields[i]['flight']}-{day}"
                    gone = draw.random(4)
                    if gone[0] < 0.012 * self.options["trouble"] and until[i] < at:
                        until[i] = at + int(draw.uniform(5, 12) * DAY)
                        planted.append((at, int(until[i]), key, fields[i]["flight"]))
                    pressed = draw.gamma(3, 20) if until[i] > at else 0.0
                    jam = crowd[origin[i], begin // HOUR] * draw.gamma(1, 1)
                    late = round(draw.normal(slow[carrier[i]] - 4, 4) + pressed + jam)
                    moment = {"distance": MILES[place[i]], "minute": int(minute[i]),
                              "weekday": int(day % 7)}  # fmt: skip
                    heappush(pending, (at, "departures", key, {**fields[i], **moment}))
                    if gone[1] < 0.02:
                        continue  # cancelled
                    _told(pending, at, key, fields[i], late, MILES[place[i]], draw)
            yield Slice(start + HOUR, (*_due(pending, start + HOUR), _truth(planted)))
            hour += 1


def _told(
    pending: list[Waiting], at: int, key: str, own: dict[str, Any], late: int, miles: int,
    draw: np.random.Generator,
) -> None:  # fmt: skip
    """Add what is told later of a flight: that it left late, and that it has landed."""
    if late >= LATE_MINUTES:
        said = {**own, "minutes": late}
        heappush(pending, (at + late * MINUTE, "late_departures", f"left-{key}", said))
    behind = late + round(draw.normal(-4, 8))
    way = 40 + miles // 8
    landed = at + max(late + 30, way + behind) * MINUTE
    is_late = int(behind >= LATE_MINUTES)
    said = {"flight": own["flight"], "departure_id": key, "late": is_late}
    heappush(pending, (max(landed, at), "landings", f"landed-{key}", said))


def _due(pending: list[Waiting], until: int) -> Iterator[Emission]:
    """Yield what is told before a time, by source."""
    told: dict[str, list[Waiting]] = {"departures": [], "late_departures": [], "landings": []}
    while pending and pending[0][0] < until:
        own = heappop(pending)
        told[own[1]].append(own)
    for source, rows in told.items():
        columns = {name: [row[3][name] for row in rows] for name in (rows[0][3] if rows else ())}
        columns.setdefault("flight", [])
        yield emit(source, np.array([row[0] for row in rows], np.int64), [r[2] for r in rows],
                   **columns)  # fmt: skip


def _truth(planted: list[tuple[int, int, str, str]]) -> Emission:
    begins = np.array([begin for begin, *_ in planted], np.int64)
    ends = np.array([end for _, end, *_ in planted], np.int64)
    order = np.argsort(begins, kind="stable")
    return emit(
        "truth",
        begins[order],
        [f"turn-{planted[i][2]}" for i in order],
        flight=[planted[i][3] for i in order],
        kind=["short_turn"] * len(planted),
        onset=format_times(begins[order]),
        until=format_times(ends[order]),
    )


def emit(source: str, at: Ints, ids: list[str], **columns: Iterable[Any]) -> Emission:
    """Write events whose key is the flight."""
    values = encode_objects({"event_id": ids, "event_time": format_times(at), **columns})
    return Emission(source, at, at, [str(f).encode() for f in columns["flight"]], values)


def world(seed: int, options: Mapping[str, float]) -> Schedule:
    """Return the world of a seed."""
    return Schedule(seed, {**OPTIONS, **options})
