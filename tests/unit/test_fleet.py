"""Logistics' world: wear, failures, work orders and sensor faults, and their features."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from streamsim.consumers.predict.prepared import Prepared
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import InProcess
from streamsim.streams.codec import parse_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.logistics.condition import WATCHES
from streamsim.streams.domains.logistics.fleet import COOLANT, SENSORS, draw_fleet
from streamsim.streams.domains.logistics.plan import HOUR, Plan
from streamsim.streams.domains.logistics.schema import HORIZON, LIFE
from streamsim.streams.domains.logistics.sensing import Sensing
from streamsim.streams.domains.logistics.usual import SOUND, SPREAD, drivers, residuals
from streamsim.streams.events import Floats
from streamsim.streams.spec import MINUTE
from streamsim.streams.spec.world import Emission, Slice
from tests.contract.runs import bodies, drive, features

SPEC = load_domain("logistics")
COLUMN = {name: place for place, name in enumerate(SPEC.features.vector.names)}


def ms(body: dict[str, Any], name: str) -> int:
    return int(parse_times([body[name]])[0])


@pytest.fixture(scope="module")
def hours() -> list[Slice]:
    """Return two hours of a feed without defects or sensor faults."""
    options = {"vehicles": 12, "failures": 3.0, "faults": 0.0, "defects": 0.0}
    return list(world_slices(SPEC, 5, options, 2 / 24))


def test_wear_only_grows_until_it_fails_or_is_renewed() -> None:
    plan = Plan(3, draw_fleet(3, 20), 3.0)
    wear = np.concatenate([plan.hour(h).wear for h in range(4)])
    step = np.diff(wear, axis=0)
    falls = np.argwhere(step < 0)
    assert len(falls) > 10
    assert (wear[1:][step < 0] == 0).all()
    ends = {(s.vehicle, s.component, s.until) for s in plan.spans}
    for minute, vehicle, component in falls.tolist():
        assert {(vehicle, component, minute), (vehicle, component, minute + 1)} & ends


def test_a_failure_is_followed_by_a_stop_and_a_repair(hours: list[Slice]) -> None:
    truth = [b for b in bodies(hours, "truth") if b.get("ended") == "failure"]
    orders, last = bodies(hours, "work_orders"), hours[-1].until
    times: dict[str, list[int]] = {}
    for reading in bodies(hours, "telemetry"):
        times.setdefault(reading["vehicle_id"], []).append(ms(reading, "event_time"))  # type: ignore[arg-type]
    seen = 0
    for span in truth:
        at, vehicle = ms(span, "until"), str(span["vehicle_id"])
        if at + 35 * MINUTE > last:
            continue
        seen += 1
        own = [(o["kind"], ms(o, "done_at")) for o in orders if o["vehicle_id"] == vehicle]
        assert ("breakdown", at) in own
        repaired = min(t for kind, t in own if kind == "repair" and t > at)
        assert not [t for t in times[vehicle] if at + 1000 <= t < repaired]
        assert any(t > repaired for t in times[vehicle])
    assert seen >= 3


def test_outcomes_are_those_of_the_breakdowns(hours: list[Slice]) -> None:
    orders = bodies(hours, "work_orders")
    broke = {
        v: [ms(o, "done_at") for o in orders if o["vehicle_id"] == v and o["kind"] == "breakdown"]
        for v in {str(o["vehicle_id"]) for o in orders}
    }
    when = {r["event_id"]: ms(r, "event_time") for r in bodies(hours, "telemetry")}
    outcomes = bodies(hours, "failures")
    assert 0.02 < np.mean([o["failed"] for o in outcomes]) < 0.6  # type: ignore[arg-type]
    for outcome in outcomes:
        time = when[outcome["reading_id"]]
        fails = any(time < at <= time + HORIZON for at in broke[str(outcome["vehicle_id"])])
        assert fails == bool(outcome["failed"])


def test_lives_end_with_the_next_breakdown_or_are_told_as_the_longest(hours: list[Slice]) -> None:
    orders = bodies(hours, "work_orders")
    broke = {
        v: [ms(o, "done_at") for o in orders if o["vehicle_id"] == v and o["kind"] == "breakdown"]
        for v in {str(o["vehicle_id"]) for o in orders}
    }
    when = {r["event_id"]: ms(r, "event_time") for r in bodies(hours, "telemetry")}
    lives = bodies(hours, "lives")
    ends = 0
    for life in lives:
        time = when[life["reading_id"]]
        later = [at - time for at in broke[str(life["vehicle_id"])] if at > time]
        least = min([*later, LIFE])
        ends += least < LIFE
        assert life["remaining_life_min"] == pytest.approx(least / MINUTE, abs=1e-3)
    assert 100 < ends < len(lives) - 100


def test_what_was_renewed_in_time_has_no_outcome(hours: list[Slice]) -> None:
    renewed = [
        (o["vehicle_id"], ms(o, "done_at"))
        for o in bodies(hours, "work_orders")
        if o["kind"] == "service" and o["component"]
    ]
    known = {o["reading_id"] for s in ("failures", "lives") for o in bodies(hours, s)}
    seen = 0
    for vehicle, at in renewed:
        before = [
            r["event_id"]
            for r in bodies(hours, "telemetry")
            if r["vehicle_id"] == vehicle and at - HORIZON < ms(r, "event_time") < at
        ]
        seen += len(before)
        assert not known & set(before)
    assert seen > 200


def test_a_worn_component_moves_its_sensors_and_no_others_so_far() -> None:
    """The same fleet, seconds and roads, once without wear and once nearly worn out."""
    fleet = draw_fleet(2, 30)
    hour = Plan(2, fleet, 0.0).hour(0)
    hour.until[:] = 60
    moved = {}
    for place, component in enumerate(WATCHES):
        found = []
        for wear in (0.0, 0.9):
            hour.wear[:] = 0.0
            hour.wear[:, :, place] = wear
            sensing = Sensing(2, fleet, 0.0)
            values = [sensing.minute(hour, m)[0] for m in range(12)]
            found.append(np.stack(values[6:]).mean(axis=(0, 1)))
        spread = np.array([4.0, 40.0, 0.5, 0.4, 35.0, 17.0, 20.0])
        moved[component] = np.abs(np.nanmean(found[1] - found[0], axis=0)) / spread
    for component, sensors in WATCHES.items():
        others = [s for s in range(len(SENSORS)) if s not in sensors]
        assert moved[component][list(sensors)].max() > 1.0
        assert moved[component][list(sensors)].max() > 3 * moved[component][others].max()


def test_sensors_freeze_drop_out_drift_and_come_back() -> None:
    fleet = draw_fleet(4, 12)
    hour = Plan(4, fleet, 0.0).hour(0)
    hour.until[:] = 60
    sensing, calm = Sensing(4, fleet, 6.0), Sensing(4, fleet, 0.0)
    faults = sensing.hour(0)
    told, right = (
        np.concatenate([s.minute(hour, m)[0] for m in range(HOUR)]) for s in (sensing, calm)
    )
    kinds = {f.kind for f in faults}
    assert kinds == {0, 1, 2}
    for fault in faults:
        column = slice(fault.start * 60, min(fault.until, HOUR) * 60)
        mine = [f for f in faults if (f.vehicle, f.sensor) == (fault.vehicle, fault.sensor)]
        if len(mine) > 1 or not len(told[column]):
            continue
        values = told[column, fault.vehicle, fault.sensor]
        truth = right[column, fault.vehicle, fault.sensor]
        if fault.kind == 0:
            assert len(set(values.tolist())) == 1
        elif fault.kind == 1:
            assert np.isnan(values).all()
        else:
            assert np.abs(values[-1] - truth[-1]) > 0
        after = told[fault.until * 60 :, fault.vehicle, fault.sensor]
        np.testing.assert_array_equal(after, right[fault.until * 60 :, fault.vehicle, fault.sensor])


def only(slices: Iterable[Slice], vehicles: set[str]) -> list[Slice]:
    """Keep what is about some vehicles."""
    keys = {vehicle.encode() for vehicle in vehicles}
    return [
        Slice(
            piece.until,
            tuple(
                e.take(np.array([i for i, key in enumerate(e.keys) if key in keys], np.intp))
                for e in piece.emissions
            ),
        )
        for piece in slices
    ]


def changed(slices: Iterable[Slice], change: Any) -> list[Slice]:
    """Change the bodies of telemetry: ``change(body) -> body``."""
    found = []
    for piece in slices:
        emissions = []
        for e in piece.emissions:
            if e.source == "telemetry":
                values = [json.dumps(change(json.loads(v))).encode() for v in e.values]
                e = Emission(e.source, e.event_time, e.clock, e.keys, values)
            emissions.append(e)
        found.append(Slice(piece.until, tuple(emissions)))
    return found


def test_an_unknown_sensor_is_kept_in_the_record_and_changes_nothing(hours: list[Slice]) -> None:
    some = only(hours[:120], {"v0001", "v0002"})
    assert any("door_cycles" in body for body in bodies(some, "telemetry"))
    plain = features(SPEC, some)
    more = features(SPEC, changed(some, lambda body: {**body, "tyre_pressure": 8.1}))
    assert plain.keys() == more.keys()
    assert all((plain[i] == more[i]).all() for i in plain)


def test_a_change_of_unit_changes_no_feature_for_long(hours: list[Slice]) -> None:
    some = only(hours[:160], {"v0001", "v0002"})
    turn = some[80].until

    def fahrenheit(body: dict[str, Any]) -> dict[str, Any]:
        if body["vehicle_id"] != "v0001" or ms(body, "event_time") < turn:
            return body
        return {**body, "coolant_temp": round(body["coolant_temp"] * 1.8 + 32, 1)}

    lineage: dict[str, Any] = {}

    def watch(prepared: Prepared) -> None:
        assert prepared.lineage is not None
        lineage.update(zip(prepared.events.event_id, prepared.lineage, strict=True))

    told = changed(some, fahrenheit)
    drive(SPEC, told, 8192, InProcess(SPEC, watch=watch))
    one, other = features(SPEC, some), features(SPEC, told)
    column = COLUMN["mean_60_coolant_temp"]
    late = [i for i in one if i.startswith("v0001-") and int(i[6:]) * 1000 > 90 * 15_000]
    assert len(late) > 300
    np.testing.assert_allclose(
        [one[i][column] for i in late], [other[i][column] for i in late], atol=0.05
    )
    assert all(lineage[i]["coolant_temp"] == "C to F" for i in late)
    assert not any(row["coolant_temp"] for i, row in lineage.items() if i[:5] != "v0001")


def test_a_type_without_a_sensor_says_so_and_is_scored_all_the_same(hours: list[Slice]) -> None:
    found = features(SPEC, hours[:40])
    missing = {i[:5]: row[COLUMN["sensors_missing"]] for i, row in found.items()}
    fleet = draw_fleet(5, 12)
    for number, vehicle in enumerate(fleet.vehicle_id):
        if vehicle in missing:
            assert missing[vehicle] == (~fleet.has[number, :5]).sum()
    assert set(missing.values()) == {0.0, 1.0, 2.0}


def test_a_renewed_component_lets_its_sensors_begin_anew(hours: list[Slice]) -> None:
    """A repair of the cooling clears the cumulative sum of its sensor."""
    repaired = [
        (str(o["vehicle_id"]), (ms(o, "done_at") - SPEC.world.epoch) // 1000)
        for o in bodies(hours, "work_orders")
        if o["kind"] == "repair" and o["component"] == "cooling"
    ]
    found = features(SPEC, only(hours, {vehicle for vehicle, _ in repaired}))
    compared = 0
    for vehicle, second in repaired:
        own = sorted((int(i[6:]), i) for i in found if i.startswith(f"{vehicle}-"))
        before = [i for s, i in own if s < second]
        after = [i for s, i in own if s > second + 30]
        if not after or not before:
            continue
        column = COLUMN[f"rise_{SENSORS[COOLANT]}"]
        assert found[before[-1]][column] > 100
        assert found[after[0]][column] == 0
        compared += 1
    assert compared


def sound(seed: int, vehicles: int) -> tuple[list[Any], Any]:
    """Return readings of a fleet without wear, every 20 s for two hours, and their drivers."""
    fleet = draw_fleet(seed, vehicles)
    plan, sensing = Plan(seed, fleet, 0.0), Sensing(seed, fleet, 0.0)
    known: list[list[Any]] = []
    found = []
    for number in (0, 4):
        hour = plan.hour(number)
        for m in range(HOUR):
            values = sensing.minute(hour, number * HOUR + m)[0][::20, hour.until[m] == 60]
            values[:, :, 3] /= fleet.nominal[hour.until[m] == 60]
            around = [
                np.tile(column[m][hour.until[m] == 60], len(values))
                for column in (hour.outside, hour.rain, hour.roughness, hour.grade)
            ]
            flat = values.reshape(-1, len(SENSORS))
            known.append([flat[:, 5], flat[:, 6], *around])
            found.append(flat[:, : len(SOUND)])
    return [np.concatenate(part) for part in zip(*known, strict=True)], np.concatenate(found)


def spread_of_own_laws(by: Floats, values: Floats) -> Floats:
    """Fit laws to readings, shape ``(n, n_sensors)``; return each sensor's residual spread."""
    left = []
    for column in values.T:
        there = np.isfinite(column)
        law = np.linalg.lstsq(by[there], column[there], rcond=None)[0]
        left.append(float(np.std(column[there] - by[there] @ law)))
    return np.array(left)


def test_what_is_usual_is_so_of_another_fleet() -> None:
    """Residuals are little larger than those of the fleet's own laws, and far smaller than raw."""
    known, values = sound(77, 60)
    left = spread_of_own_laws(drivers(*known), values)
    ours = np.nanstd(residuals(values, known), axis=0)
    assert (ours < 1.25 * left).all()
    assert (ours < 0.97 * np.nanstd(values, axis=0)).all()
    assert (ours < 1.3 * np.array(SPREAD)).all()
