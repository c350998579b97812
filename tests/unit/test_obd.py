"""OBD-II logs of a car: without times, and with a trailing comma in each row."""

from __future__ import annotations

from pathlib import Path

import orjson

from streamsim.consumers.predict.prepared import Prepared
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import file_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.calendar import EPOCH
from streamsim.streams.domain_registry import load_domain

HEADER = "ENGINE_LOAD (),VEHICLE_SPEED (),COOLANT_TEMPERATURE (),CONTROL_MODULE_VOLTAGE ()"
SPEC = load_domain("logistics")


def test_rows_are_a_second_apart_and_a_wreck_is_dead_with_its_bytes(tmp_path: Path) -> None:
    rows = [f"{40 + i}.0, {i}.0, 88.0, 13.9," for i in range(30)]
    rows[10] = "41.0, 5.0, 88.0, 13.9, 1.0, 2.0,"
    rows[20] = "x, , ,,"
    (tmp_path / "obd_morning.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    times: dict[str, int] = {}
    loads: dict[str, float] = {}

    def watch(prepared: Prepared) -> None:
        events = prepared.events
        times.update(zip(events.event_id, events.event_time.tolist(), strict=True))
        loads.update(zip(events.event_id, events.columns["load"].tolist(), strict=True))
        assert set(events.entity) == {"obd_morning"}

    domain = InProcess(SPEC, watch=watch)
    batches = list(wire(SPEC, file_slices(SPEC, tmp_path)))
    batches.append(finale(SPEC, batches[-1].latest()))
    out = list(domain.run(as_records(SPEC, batches)))
    good = [i for i in range(30) if i not in (10, 20)]
    assert times == {f"obd_morning-{i}": EPOCH + 1000 * i for i in good}
    assert loads == {f"obd_morning-{i}": 40.0 + i for i in good}
    dead = {record.value for record in out if record.topic == "logistics.dead"}
    assert dead == {rows[10].encode(), rows[20].encode()}


def test_nobody_says_whether_a_car_without_a_workshop_failed(tmp_path: Path) -> None:
    rows = [f"40.0, 50.0, {88 + i % 2}.0, 13.9," for i in range(3000)]
    (tmp_path / "obd_long.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    for piece in file_slices(SPEC, tmp_path):
        for emission in piece.emissions:
            assert emission.source != "failures" or not len(emission)
            if emission.source == "telemetry" and len(emission):
                assert orjson.loads(emission.values[0])["vehicle_type"] == "car"
