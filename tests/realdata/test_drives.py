"""A real car's drives, logged at 1 Hz: every row in its class, every mean as numpy has it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from streamsim.consumers.predict.prepared import Prepared
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import file_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.logistics.condition import REFERENCE
from streamsim.streams.events import Floats
from streamsim.streams.spec import DomainSpec

COLUMNS = {"load": "ENGINE_LOAD ()", "speed": "VEHICLE_SPEED ()"}
STILL = 300
"""A load, or a speed, that is the same for so many readings is taken for frozen."""


@pytest.fixture(scope="module")
def logistics() -> DomainSpec:
    return load_domain("logistics")


@pytest.fixture(scope="module")
def drives(turbofans: Path) -> Path:
    """The folder with the drives: the engines' file is in it, too."""
    return turbofans.parent if turbofans.is_file() else turbofans


def read(path: Path) -> list[dict[str, str]]:
    """Read a drive with the standard library, for comparison."""
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row[COLUMNS["speed"]]]


@pytest.fixture(scope="module")
def whole(logistics: DomainSpec, drives: Path) -> tuple[InProcess, dict[str, Floats]]:
    """All drives in process, with the features of every reading by its id."""
    found: dict[str, Floats] = {}

    def watch(prepared: Prepared) -> None:
        found.update(zip(prepared.events.event_id, prepared.features, strict=True))

    domain = InProcess(logistics, watch=watch)
    batches = list(wire(logistics, file_slices(logistics, drives)))
    batches.append(finale(logistics, batches[-1].latest()))
    for _ in domain.run(as_records(logistics, batches)):
        pass
    return domain, found


def test_every_row_is_a_reading(whole: tuple[InProcess, dict[str, Floats]], drives: Path) -> None:
    rows = sum(len(read(path)) for path in drives.glob("obd_*.csv"))
    account = whole[0].pipeline.account.total("telemetry")
    assert account["no_model"] == rows == len(whole[1]) > 4000
    assert account["dead"] == account["late"] == account["duplicate"] == 0


@pytest.mark.parametrize("sensor", list(COLUMNS))
def test_what_the_sensors_come_to_is_as_numpy_has_it(
    whole: tuple[InProcess, dict[str, Floats]],
    drives: Path,
    logistics: DomainSpec,
    sensor: str,
) -> None:
    """Averages with a half-life of a minute, up to where a reading is taken for frozen.

    They are of what nothing is taken off: what is usual at a load is taken off the others.
    """
    column = logistics.features.vector.names.index(f"slow_60_{sensor}")
    place = REFERENCE.sensors.index(sensor)
    fade, compared = 0.5 ** (1 / 60), 0
    for path in drives.glob("obd_*.csv"):
        said = np.array([float(row[COLUMNS[sensor]]) for row in read(path)])
        deviation = (said - REFERENCE.center[place]) / REFERENCE.scale[place]
        moves = np.concatenate([[0], np.flatnonzero(np.diff(said)) + 1, [len(said)]])
        frozen = moves[:-1][np.diff(moves) > STILL] + STILL
        average = weight = 0.0
        for row, one in enumerate(deviation[: frozen[0] if len(frozen) else None].tolist()):
            weight = weight * fade + 1.0
            average += (one - average) / weight
            value = whole[1][f"{path.stem}-{row}"][column]
            assert value == pytest.approx(average, abs=2e-3)
            compared += 1
    assert compared > 500
