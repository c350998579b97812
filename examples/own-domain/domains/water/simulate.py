"""Water: a seeded street of meters, with guests, leaks and plumbers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Ints, as_objects
from streamsim.streams.seeds import stream
from streamsim.streams.spec import HOUR, Emission, Slice

EPOCH = 1_735_689_600_000  # 2025-01-01
OPTIONS: Mapping[str, float] = {"meters": 240, "leaks": 1.0}
RHYTHM = 0.55 + 0.5 * np.sin((np.arange(24) - 9) * np.pi / 12)  # least at three in the morning


@dataclass(frozen=True, slots=True)
class Street:
    """The world of one seed."""

    seed: int
    options: Mapping[str, float]

    def slices(self) -> Iterator[Slice]:
        """Yield what happens, an hour at a time: each meter tells every fourth hour."""
        n = int(self.options["meters"])
        traits = stream(self.seed, "meters")
        usual, turn = np.exp(traits.normal(4.0, 0.4, n)), traits.integers(4, size=n)
        name = as_objects(f"m{i:04}" for i in range(n))
        guests, flow, fixed = np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
        leaked: dict[int, list[str]] = {}
        hour = 0
        while True:
            start, draw = EPOCH + hour * HOUR, stream(self.seed, "readings", hour)
            repaired = np.flatnonzero((flow > 0) & (fixed < start + HOUR))
            repaired = repaired[np.argsort(fixed[repaired], kind="stable")]
            labels = [(fixed[m], name[m], i) for m in repaired.tolist() for i in leaked.pop(m, [])]
            flow[repaired] = 0
            if hour % 24 == 0:
                guests = np.where(draw.random(n) < 0.1, draw.uniform(0.5, 1.5, n), 0)
            due = np.flatnonzero(turn == hour % 4)
            new = due[(draw.random(len(due)) < 0.003 * self.options["leaks"]) & (flow[due] == 0)]
            flow[new] = draw.uniform(0.1, 0.5, len(new))
            fixed[new] = start + draw.integers(12 * HOUR, 47 * HOUR, len(new))
            used = usual[due] * RHYTHM[hour % 24] * (1 + guests[due])
            litres = (used * draw.gamma(6, 1 / 6, len(due)) + usual[due] * flow[due]).astype(int)
            ids = [f"r-{hour}-{m}" for m in due]
            for meter, own in zip(due.tolist(), ids, strict=True):
                if flow[meter]:
                    leaked.setdefault(meter, []).append(own)
            at = np.sort(start + draw.integers(HOUR, size=len(due)))
            known = np.array([t for t, *_ in labels], np.int64)
            yield Slice(
                start + HOUR,
                (
                    emit("readings", at, ids, meter_id=name[due], litres=litres.tolist()),
                    emit(
                        "repairs",
                        known,
                        [f"fix-{i}" for *_, i in labels],
                        meter_id=[m for _, m, _ in labels],
                        reading_id=[i for *_, i in labels],
                    ),
                    emit(
                        "truth",
                        np.full(len(new), start),
                        [f"leak-{hour}-{m}" for m in new],
                        meter_id=name[new],
                        kind=["leak"] * len(new),
                        onset=format_times(np.full(len(new), start)),
                        until=format_times(fixed[new]),
                    ),
                ),
            )
            hour += 1


def emit(source: str, at: Ints, ids: list[str], **columns: Iterable[Any]) -> Emission:
    """Write events whose key is the meter."""
    values = encode_objects({"event_id": ids, "event_time": format_times(at), **columns})
    return Emission(source, at, at, [m.encode() for m in columns["meter_id"]], values)


def world(seed: int, options: Mapping[str, float]) -> Street:
    """Return the world of a seed."""
    return Street(seed, {**OPTIONS, **options})
