"""Recordings: any records of a topic are read back unchanged, and sent again unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from streamsim.producers import recording as module
from streamsim.producers.recording import (
    Recorded,
    Recording,
    make_recording,
    read_manifest,
    read_recording,
    write_recording,
)
from streamsim.simulator.testing.replay import record_batches
from streamsim.streams.errors import SourceError
from streamsim.streams.events import HEARTBEAT, INGEST_TIME, SOURCE_TIME
from streamsim.streams.topics import topic
from tests.property.examples import examples
from tests.property.logs import SOURCES, SPEC

BYTES = st.none() | st.binary(max_size=12)
NAMES = st.text(max_size=8) | st.sampled_from([INGEST_TIME, SOURCE_TIME, HEARTBEAT])
STAMPS = st.integers(-(10**13), 10**13).map(lambda n: b"%d" % n)
HEADERS = st.lists(st.tuples(NAMES, BYTES | STAMPS), max_size=4).map(tuple)
INT64 = st.integers(-(2**63), 2**63 - 1)
RECORDS = st.builds(
    Recorded,
    st.sampled_from(["finance.transactions", "finance.scores", "ä.β", ""]) | st.text(max_size=8),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**63 - 1),
    INT64,
    BYTES,
    BYTES,
    HEADERS,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


@examples(1)
@given(
    st.lists(RECORDS, max_size=8, unique_by=lambda r: r[:3]),
    st.dictionaries(st.sampled_from(["seed", "domains", "note"]), st.none() | st.text() | INT64),
    st.integers(1, 3),
)
def test_a_recording_is_read_as_it_was_written(
    folder: Path, records: list[Recorded], about: dict[str, object], group: int
) -> None:
    recording = make_recording(records, **about)
    assert recording.records == sorted(records, key=lambda r: r[:3])
    path = folder / "r.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROWS", group)  # so that a few records make several row groups
        write_recording(path, recording)
    again = read_recording(path)
    assert again.records == recording.records
    assert again.manifest == recording.manifest == read_manifest(path)
    assert sum(t["records"] for t in again.manifest["topics"].values()) == len(records)
    assert [p.name for p in folder.iterdir()] == ["r.parquet"]


CHANGES = st.sampled_from(["partition", "offset", "timestamp", "key", "value", "headers"])


@examples(1)
@given(RECORDS, RECORDS, CHANGES)
@example(Recorded("t", 0, 0, 0, None, b"", ()), Recorded("t", 0, 0, 0, b"", None, ()), "key")
@example(
    Recorded("t", 0, 0, 0, None, None, (("a", b"1"), ("a", b"2"))),
    Recorded("t", 0, 0, 0, None, None, (("a", b"2"),)),
    "headers",
)
def test_a_fingerprint_tells_whatever_differs_but_the_time_of_sending(
    record: Recorded, other: Recorded, field: str
) -> None:
    changed = record._replace(**{field: getattr(other, field)})
    same = _without_ingest(changed) == _without_ingest(record)
    assert (_fingerprint(changed) == _fingerprint(record)) == same
    sent_later = record._replace(headers=(*record.headers, (INGEST_TIME, b"1")))
    assert _fingerprint(sent_later) == _fingerprint(record)


def _without_ingest(record: Recorded) -> Recorded:
    return record._replace(headers=tuple(h for h in record.headers if h[0] != INGEST_TIME))


def _fingerprint(record: Recorded) -> str:
    about = make_recording([record]).manifest["topics"][record.topic]
    return str(about["fingerprint"])


@examples(0.5)
@given(st.lists(RECORDS, min_size=1, max_size=3, unique_by=lambda r: r[:3]), st.data())
def test_records_that_are_not_those_of_the_manifest_are_refused(
    folder: Path, records: list[Recorded], data: st.DataObject
) -> None:
    recording = make_recording(records)
    victim = data.draw(st.integers(0, len(records) - 1))
    forged = list(recording.records)
    forged[victim] = forged[victim]._replace(value=data.draw(st.binary(max_size=12)))
    assume(forged != recording.records)
    path = folder / "forged.parquet"
    write_recording(path, replace(recording, records=forged))
    with pytest.raises(SourceError, match="manifest"):
        read_recording(path)
    path.unlink()


@st.composite
def logs(draw: st.DrawFn) -> list[Recorded]:
    """Draw the records of the sources' topics."""
    records = []
    for source in SOURCES:
        for partition in range(SPEC.partitions):
            log = draw(st.lists(st.tuples(INT64, BYTES, BYTES, HEADERS), max_size=3))
            records += [
                Recorded(topic(SPEC.name, source), partition, offset, *rest)
                for offset, rest in enumerate(log)
            ]
    return records


@examples(1)
@given(logs(), st.integers(1, 5))
def test_what_is_sent_again_is_what_was_recorded(records: Sequence[Recorded], rows: int) -> None:
    recording: Recording = make_recording(records)
    batches = list(recording.batches(SPEC, rows))
    assert [len(b) for b in batches[:-1]] == [rows] * (len(batches) - 1)
    due = [clock for batch in batches for clock in batch.due.tolist()]
    assert due == sorted(due)
    again = record_batches(SPEC, batches)
    assert again.manifest["topics"] == recording.manifest["topics"]
    assert list(map(_without_ingest, again.records)) == list(
        map(_without_ingest, recording.records)
    )
