"""Healthcare in process: only notes name patients, and features equal a reference table."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import takewhile

import numpy as np
import orjson
import pandas as pd
import pytest

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.featurize import extract_features
from streamsim.consumers.predict.prepared import Prepared
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.healthcare.clinical.units import analyte, harmonise
from streamsim.streams.domains.healthcare.findings import VOCABULARY
from streamsim.streams.domains.healthcare.patients import FAMILY
from streamsim.streams.domains.healthcare.results import ANALYTES
from streamsim.streams.events import Outbound, Records
from streamsim.streams.privacy.keys import INVENTED
from streamsim.streams.privacy.pseudonyms import pseudonym
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DAY, HOUR, DomainSpec
from streamsim.streams.spec.world import Slice
from streamsim.streams.topics import DEAD, LATE, topic

DAYS = 12.0
OPTIONS = {"patients": 9_000.0, "readmissions": 1.0, "defects": 10.0}


@pytest.fixture(scope="module")
def healthcare() -> DomainSpec:
    return load_domain("healthcare")


@pytest.fixture(scope="module")
def slices(healthcare: DomainSpec) -> list[Slice]:
    return list(world_slices(healthcare, 42, OPTIONS, DAYS))


@pytest.fixture(scope="module")
def secrets(healthcare: DomainSpec) -> set[bytes]:
    """The identifiers of patients in the hospital's systems: patient and stay numbers, names."""
    end = healthcare.world.epoch + int(DAYS * DAY)
    world = healthcare.world.make(42, {**healthcare.world.options, **OPTIONS}).slices()
    found = {name.encode() for name in FAMILY}
    for piece in takewhile(lambda p: p.until <= end, world):
        for emission in piece.emissions:
            found |= {key for key in emission.keys if key}
            if emission.source == "discharges":
                bodies = (
                    orjson.loads(v) for v in emission.values if v.endswith(b"}") and v.isascii()
                )
                found |= {body["event_id"].encode() for body in bodies}
    assert len(found) > 300
    return found


def alarmist(spec: DomainSpec) -> Signature:
    """Describe a model that always alerts."""
    names = spec.features.vector.names
    return Signature("any", "1", names, spec.features.fingerprint, 0.5, (0.0,) * len(names))


def named(text: bytes, secrets: set[bytes]) -> list[bytes]:
    return [secret for secret in secrets if secret in text]


def rows_of(pipeline: Pipeline) -> Iterator[bytes]:
    """Yield the checkpoint of each partition as bytes."""
    for p in range(pipeline.spec.partitions):
        content = pipeline.snapshot(p)
        assert content is not None
        yield repr(
            {k: v if isinstance(v, list) else v.tolist() for k, v in content.items()}
        ).encode()


def test_only_notes_name_patients(
    healthcare: DomainSpec,
    slices: list[Slice],
    secrets: set[bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not in other topics, in outputs, in the state, or in logs."""
    caplog.set_level(logging.DEBUG)
    sent = {
        emission.source: b"\n".join([*emission.values, *filter(None, emission.keys)])
        for piece in slices
        for emission in piece.emissions
    }
    assert {"discharges", "admissions", "labs", "visits", "notes"} <= set(sent)
    notes = b"".join(
        v for s in slices for e in s.emissions if e.source == "notes" for v in e.values
    )
    assert len(named(notes, secrets)) > 20  # the notes themselves name patients
    for piece in slices:
        for emission in piece.emissions:
            if emission.source != "notes":
                text = b"\n".join([*emission.values, *filter(None, emission.keys)])
                assert not named(text, secrets), emission.source
    domain = InProcess(healthcare, lambda rows: np.full(len(rows), 0.9), alarmist(healthcare))
    batches = list(wire(healthcare, slices))
    batches.append(finale(healthcare, batches[-1].latest()))
    out = list(domain.run(as_records(healthcare, batches)))
    kinds = {record.topic for record in out}
    for kind in ("scores", "alerts", DEAD, LATE):
        assert topic(healthcare.name, kind) in kinds, kind
    for record in out:
        for part in (record.key, record.value, *(value for _, value in record.headers)):
            assert not named(part or b"", secrets), record.topic
    for written in rows_of(domain.pipeline):
        assert not named(written, secrets)
    assert not named(caplog.text.encode(), secrets)


def test_texts_that_are_late_or_broken_are_masked_and_other_records_are_not(
    healthcare: DomainSpec, slices: list[Slice]
) -> None:
    domain = InProcess(healthcare)
    out = list(domain.run(as_records(healthcare, wire(healthcare, slices))))
    rejected = [r for r in out if r.topic.endswith((DEAD, LATE))]
    notes = [r for r in rejected if source(r) == b"healthcare.notes"]
    assert len(notes) > 2
    assert all(r.key is None for r in notes)
    late = [r for r in rejected if r.topic.endswith(LATE) and source(r) == b"healthcare.labs"]
    assert late
    assert all(r.value is not None and orjson.loads(r.value)["patient_id"] for r in late)


def source(record: Outbound) -> bytes:
    return dict(record.headers)["source_topic"]


def test_features_equal_those_of_extract_features(
    healthcare: DomainSpec, slices: list[Slice]
) -> None:
    """Results with missing values and ranges, and notes, have the features of a table.

    The table is made here, row by row: for each discharge the newest result and note that counted.
    """
    features: dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]] = {}
    asked: list[tuple[str, str, int]] = []

    def watch(prepared: Prepared) -> None:
        events = prepared.events
        asked.extend(zip(events.event_id, events.entity, events.event_time.tolist(), strict=True))
        features.update(zip(events.event_id, prepared.features, strict=True))

    clean = list(world_slices(healthcare, 43, {**OPTIONS, "defects": 1.0}, DAYS))
    for _ in InProcess(healthcare, watch=watch).run(
        as_records(healthcare, wire(healthcare, clean))
    ):
        pass
    labs, notes = said(clean, "labs"), said(clean, "notes")
    analytes = {lab: name for name, lab in zip(
        (*ANALYTES,) * 2,
        ("Creatinine", "BUN", "Sodium", "Hemoglobin", "WBC", "Albumin", "BNP", "Glucose",
         "2160-0", "3094-0", "2951-2", "718-7", "6690-2", "1751-7", "30934-4", "2345-7"),
        strict=True)}  # fmt: skip
    rows, texts = [], []
    for _, who, time in asked:
        row: dict[str, object] = {}
        for at, body in labs.get(who, ()):
            if at <= time - 4 * HOUR:
                name = analytes[body["analyte"]]
                cells = {"": body["value"], "_unit": body["unit"], "_low": body["low"],
                         "_high": body["high"]}  # fmt: skip
                one = harmonise(analyte(name), [body["value"]], [body["unit"] or ""])
                usable = bool(np.isfinite(one.values[0]))
                if usable:
                    row |= {name + part: value for part, value in cells.items()}
        rows.append(row)
        own = [body["text"] for at, body in notes.get(who, ()) if at <= time - 4 * HOUR]
        texts.append(own[-1] if own else None)
    table = pd.DataFrame(rows)
    found = extract_features(table, pd.Series(texts, dtype=object), min_df=1)
    column = dict(zip(found.names, found.matrix.T, strict=True))
    stream = pd.DataFrame(
        [features[i] for i, *_ in asked], columns=list(healthcare.features.vector.names)
    )
    assert len(stream) > 50
    for own in found.extractor.columns:
        name = own.names[0]
        missing = column[f"{name}_missing"] == 1
        np.testing.assert_array_equal(stream[name] == -1, missing, name)
        robust = own.robust  # type: ignore[union-attr]
        expected = robust.apply(stream[name].to_numpy(np.float64))[~missing]
        np.testing.assert_allclose(column[name][~missing], expected, rtol=1e-5, atol=1e-5)
    outside = sum(column[f"{n}_below"] + column[f"{n}_above"] for n in ANALYTES)
    known = stream["labs_outside"] >= 0
    np.testing.assert_array_equal(stream["labs_outside"][known], outside[known])
    noted = np.array([text is not None for text in texts])
    for concept, how in VOCABULARY:
        name = f"note_{how}:{concept}"
        expected = column.get(name, np.zeros(len(stream)))[noted]
        np.testing.assert_array_equal(stream[name][noted], expected, name)
        assert (stream[name][~noted] == -1).all()


def said(slices: list[Slice], source: str) -> dict[str, list[tuple[int, dict[str, object]]]]:
    """Return the valid events of a source by patient, in order of time, without duplicates."""
    found: dict[str, dict[str, tuple[int, dict[str, object]]]] = {}
    for piece in slices:
        for emission in piece.emissions:
            if emission.source == source:
                rows = zip(
                    emission.event_time.tolist(), emission.clock.tolist(), emission.values,
                    strict=True,
                )  # fmt: skip
                for time, clock, value in rows:
                    if value.startswith(b"{") and clock - time <= 2 * HOUR:
                        body = orjson.loads(value)
                        found.setdefault(body["patient_id"], {}).setdefault(
                            body["event_id"], (time, body)
                        )
    return {who: sorted(own.values(), key=lambda one: one[0]) for who, own in found.items()}


def test_a_pseudonym_is_the_same_in_every_source_and_in_the_truth(
    healthcare: DomainSpec, slices: list[Slice]
) -> None:
    world = healthcare.world.make(42, {**healthcare.world.options, **OPTIONS}).slices()
    raw, sent = bodies(takewhile(lambda p: p.until <= slices[-1].until, world)), bodies(slices)
    assert raw["admissions"]
    for name in ("admissions", "discharges", "labs", "visits", "notes", "truth"):
        expected = [pseudonym(str(body["patient_id"]), INVENTED, "patient") for body in raw[name]]
        assert [body["patient_id"] for body in sent[name]] == expected, name
    left = {body["event_id"] for body in sent["discharges"]}
    planted = {body["discharge_id"] for body in sent["truth"]}
    assert planted
    assert len(planted & left) > 0.9 * len(planted)


def bodies(slices: Iterator[Slice] | list[Slice]) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for piece in slices:
        for emission in piece.emissions:
            for value in emission.values:
                try:
                    found.setdefault(emission.source, []).append(orjson.loads(value))
                except orjson.JSONDecodeError:
                    continue
    return found


def test_discharges_follow_admissions_and_results_are_within_a_stay(
    healthcare: DomainSpec,
) -> None:
    """Results and notes are of patients who are in the hospital at the time."""
    clean = list(world_slices(healthcare, 44, {**OPTIONS, "defects": 0.0}, 2 * DAYS))
    sent = bodies(clean)
    came = {b["event_id"]: (b["patient_id"], b["event_time"]) for b in sent["admissions"]}
    for body in sent["discharges"]:
        who, when = came[body["admission_id"]]
        assert who == body["patient_id"]
        assert str(when) < str(body["event_time"])
    since: dict[object, list[str]] = {}
    for body in sent["admissions"]:
        since.setdefault(body["patient_id"], []).append(str(body["event_time"]))
    until: dict[object, list[str]] = {}
    for body in sent["discharges"]:
        until.setdefault(body["patient_id"], []).append(str(body["event_time"]))
    for source in ("labs", "notes"):
        for body in sent[source]:
            who, at = body["patient_id"], str(body["event_time"])
            begun = sum(time <= at for time in since.get(who, ()))
            over = sum(time <= at for time in until.get(who, ()))
            assert begun - over == 1, (source, body)


def test_defects_change_nothing_of_what_happens(healthcare: DomainSpec) -> None:
    """Each part of the world has a random stream of its own."""
    one, other = (
        bodies(list(world_slices(healthcare, 45, {**OPTIONS, "defects": bad}, DAYS)))
        for bad in (0.0, 5.0)
    )
    assert one["truth"] == other["truth"]
    assert len(one["truth"]) > 20
    readable = {b["event_id"]: b for b in other["notes"]}
    assert all(readable[b["event_id"]] == b for b in one["notes"] if b["event_id"] in readable)
    assert len(readable) > 0.9 * len(one["notes"])


def test_where_nothing_is_left_unsolved_fewer_come_back(healthcare: DomainSpec) -> None:
    shares = {}
    for readmissions in (0.0, 1.0, 3.0):
        options = {**OPTIONS, "defects": 0.0, "readmissions": readmissions}
        sent = bodies(list(world_slices(healthcare, 46, options, 55.0)))
        told = [body["readmitted"] for body in sent["readmissions"]]
        assert len(told) > 200
        shares[readmissions] = sum(map(bool, told)) / len(told)
        assert bool(sent.get("truth")) == (readmissions > 0)
    assert shares[0.0] < 0.12 < shares[1.0] < 0.35 < shares[3.0]


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_restored_state_continues_like_one_that_was_never_written(
    healthcare: DomainSpec, share: float
) -> None:
    """With per-field as-of joins, and two joins of the same source."""
    batches = list(wire(healthcare, world_slices(healthcare, 47, OPTIONS, 2 * DAYS)))
    batches.append(finale(healthcare, batches[-1].latest()))
    records = list(as_records(healthcare, batches, 2_000))
    cut = int(len(records) * share)

    def features(domain: InProcess, parts: list[Records]) -> None:
        for _ in domain.run(parts):
            pass

    whole: dict[str, bytes] = {}
    features(InProcess(healthcare, watch=noting(whole)), records)
    first: dict[str, bytes] = {}
    before = InProcess(healthcare, watch=noting(first))
    features(before, records[:cut])
    second: dict[str, bytes] = {}
    after = InProcess(healthcare, watch=noting(second))
    for p in range(healthcare.partitions):
        content = before.pipeline.snapshot(p)
        assert content is not None
        after.pipeline.restore(p, [content])
    features(after, records)
    assert len(second) > 50
    assert {**first, **second} == whole
    assert all(whole[name] == row for name, row in first.items())


def noting(found: dict[str, bytes]) -> Callable[[Prepared], None]:
    def watch(prepared: Prepared) -> None:
        rows = (row.tobytes() for row in prepared.features)
        found.update(zip(prepared.events.event_id, rows, strict=True))

    return watch
