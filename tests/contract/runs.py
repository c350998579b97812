"""In-process runs of a domain's small world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from streamsim.consumers.predict.prepared import Prepared
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.events import Matrix, Outbound
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.spec.world import Slice

Features = Mapping[str, Matrix]


def some(spec: DomainSpec, days: float) -> float:
    """Return the number of days, fewer where a day has many more events (event days)."""
    return days * min(1.0, spec.world.days_per_minute / 20)


def days(spec: DomainSpec) -> float:
    """Return the days of a world that are enough for the tests, and fast."""
    return some(spec, 6) + 1.5 * spec.longest_delay / DAY


def small(spec: DomainSpec, seed: int, length: float, **options: float) -> list[Slice]:
    """Return the first days of a world of a third of the default size."""
    third = {k: max(1, v // 3) if v > 10 else v for k, v in spec.world.options.items()}
    return list(world_slices(spec, seed, {**third, **options}, length))


def features(spec: DomainSpec, slices: Iterable[Slice], rows: int = 8192) -> Features:
    """Return the features of every event by its id."""
    found: dict[str, Matrix] = {}

    def watch(prepared: Prepared) -> None:
        found.update(zip(prepared.events.event_id, prepared.features, strict=True))

    drive(spec, slices, rows, InProcess(spec, watch=watch))
    return found


def drive(
    spec: DomainSpec, slices: Iterable[Slice], rows: int, domain: InProcess
) -> list[Outbound]:
    """Run slices through a domain to their end."""
    batches = list(wire(spec, slices))
    batches.append(finale(spec, max(batch.latest() for batch in batches)))
    return list(domain.run(as_records(spec, batches, rows)))


def bodies(slices: Iterable[Slice], source: str) -> list[dict[str, object]]:
    """Return the readable events of a source."""
    found = []
    for piece in slices:
        for emission in piece.emissions:
            if emission.source == source:
                for value in emission.values:
                    try:
                        found.append(orjson.loads(value))
                    except orjson.JSONDecodeError:
                        continue
    return found
