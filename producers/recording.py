"""Recordings: the records of topics in one Parquet file, with a manifest in its metadata.

A row is an unchanged record: topic, partition, offset, timestamp, key, value, headers. The
fingerprint of a topic covers all of these but the header ``ingest_time``, the time of sending. So
two recordings of the same seed have the same fingerprints.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from streamsim.producers.batches import Batch, Leaps
from streamsim.streams.codec import parse_header_ints
from streamsim.streams.errors import SourceError
from streamsim.streams.events import HEARTBEAT, INGEST_TIME, NO_TIME, SOURCE_TIME, first_headers
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import TRUTH, topic

MANIFEST = b"streamsim"
SCHEMA_VERSION = 1
ANNOUNCED = "announced_leaps"
PACKAGES = ("faust-streaming", "aiokafka", "kafka-python", "scikit-learn", "numpy", "pandas")
ROWS = 20_000

_HEADER = pa.struct([("name", pa.string()), ("value", pa.binary())])
_SCHEMA = pa.schema(
    [
        ("topic", pa.dictionary(pa.int32(), pa.string())),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("timestamp", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(_HEADER)),
    ]
)


class Recorded(NamedTuple):
    """One record of a recording."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording in memory: records in order of topic, partition and offset.

    Attributes
    ----------
    manifest
        Origin of the recording: seed, configuration, versions, and per topic the number of records
        and the fingerprint.
    """

    records: Sequence[Recorded]
    manifest: Mapping[str, Any]

    def of(self, name: str) -> list[Recorded]:
        """Return the records of one topic."""
        return [r for r in self.records if r.topic == name]

    @property
    def is_announced(self) -> bool:
        """Whether it was made when producers announced the leaps of their clocks."""
        return bool(self.manifest.get(ANNOUNCED))

    def batches(self, spec: DomainSpec, rows: int = ROWS) -> Iterator[Batch]:
        """Yield the sources' records in order of their clocks, to be sent again.

        To a recording of an earlier version the heartbeats are added that announce its leaps.
        """
        leaps = Leaps(spec, beats_only=True)
        for batch in self._batches(spec, rows):
            yield batch if self.is_announced else leaps.announced(batch)

    def _batches(self, spec: DomainSpec, rows: int) -> Iterator[Batch]:
        names = {topic(spec.name, s.name): s.name for s in spec.inputs.sources}
        names[topic(spec.name, TRUTH)] = TRUTH
        records = [r for r in self.records if r.topic in names]
        headers = [first_headers(r.headers) for r in records]
        clock = parse_header_ints([h.get(SOURCE_TIME) for h in headers])
        clock = _without_holes(records, np.where(clock == NO_TIME, -1, clock))
        order = np.argsort(clock, kind="stable")
        for start in range(0, len(order), rows):
            chosen = order[start : start + rows].tolist()
            yield Batch(
                [names[records[i].topic] for i in chosen],
                [records[i].partition for i in chosen],
                clock[order[start : start + rows]],
                [records[i].timestamp for i in chosen],
                [records[i].key for i in chosen],
                [records[i].value for i in chosen],
                [HEARTBEAT in headers[i] for i in chosen],
                [[h for h in records[i].headers if h[0] != INGEST_TIME] for i in chosen],
            )


def _without_holes(records: Sequence[Recorded], clock: Any) -> Any:
    """Keep each partition's records in order: a record without clock gets the previous clock."""
    last: dict[tuple[str, int], int] = {}
    for i, record in enumerate(records):
        place = record.topic, record.partition
        clock[i] = last[place] = max(last.get(place, 0), int(clock[i]))
    return clock


def make_recording(records: Iterable[Any], **manifest: Any) -> Recording:
    """Make a recording of a Kafka client's records.

    Parameters
    ----------
    manifest
        Entries of the manifest, besides versions and fingerprints.
    """
    rows = sorted(
        (
            Recorded(
                r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers or ())
            )
            for r in records
        ),
        key=lambda r: r[:3],
    )
    topics: dict[str, dict[str, Any]] = {}
    digests: dict[str, Any] = {}
    for row in rows:
        about = topics.setdefault(row.topic, {"records": 0})
        about["records"] += 1
        digests.setdefault(row.topic, hashlib.sha256()).update(_canonical(row))
    for name, digest in digests.items():
        topics[name]["fingerprint"] = digest.hexdigest()[:16]
    versions = {name: version(name) for name in ("streamsim", *PACKAGES)}
    return Recording(
        rows,
        {
            "schema": SCHEMA_VERSION,
            ANNOUNCED: True,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {"python": platform.python_version(), **versions},
            **manifest,
            "topics": topics,
        },
    )


def write_recording(path: Path, recording: Recording) -> None:
    """Write a recording as Parquet, atomically."""
    draft = path.with_name(f".{path.name}.part")
    schema = _SCHEMA.with_metadata({MANIFEST: orjson.dumps(recording.manifest)})
    try:
        with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
            for start in range(0, len(recording.records), ROWS):
                rows = recording.records[start : start + ROWS]
                columns = {name: [getattr(r, name) for r in rows] for name in _SCHEMA.names[:-1]}
                columns["headers"] = [
                    [{"name": name, "value": value} for name, value in r.headers] for r in rows
                ]
                writer.write_table(pa.Table.from_pydict(columns, schema=schema))
        draft.replace(path)
    except OSError as error:
        raise SourceError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)


def read_recording(path: Path) -> Recording:
    """Read a recording.

    Raises
    ------
    SourceError
        If the file is not a recording, or its records do not match its manifest.
    """
    manifest = read_manifest(path)
    if manifest is None:
        raise SourceError(f"{path}: not a recording of streamsim's")
    with pq.ParquetFile(path) as file:  # pq.read_table would load pandas
        table = file.read().to_pydict()
    headers = [tuple((h["name"], h["value"]) for h in row) for row in table["headers"]]
    columns = [table[name] for name in _SCHEMA.names[:-1]]
    records = [Recorded(*row) for row in zip(*columns, headers, strict=True)]
    again = make_recording(records).manifest["topics"]
    if again != manifest["topics"]:
        raise SourceError(f"{path}: its records are not those of its manifest")
    return Recording(records, manifest)


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Return the manifest of a recording, ``None`` if the file is not a recording.

    Raises
    ------
    SourceError
        If the file cannot be read, or is of another version.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowInvalid, IsADirectoryError):
        return None
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    if MANIFEST not in metadata:
        return None
    manifest: dict[str, Any] = orjson.loads(metadata[MANIFEST])
    if manifest.get("schema") != SCHEMA_VERSION:
        raise SourceError(f"{path}: recorded by another version of streamsim")
    return manifest


def _canonical(record: Recorded) -> bytes:
    """Return bytes of a record for its fingerprint: all but ``ingest_time``."""
    headers = [(n, v) for n, v in record.headers if n != INGEST_TIME]
    return repr((*record[:6], headers)).encode()
