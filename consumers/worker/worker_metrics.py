"""Worker metrics on ``<domain>.metrics``: a worker's account, positions and latencies."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from streamsim.consumers.monitor.latency_histogram import Latencies
from streamsim.consumers.monitor.version_counts import Count, Part, VersionCounts, read_counts
from streamsim.consumers.worker.runner import Runner
from streamsim.streams.events import Ints, Outbound
from streamsim.streams.stored.foreign_records import ForeignRecords, check_fields
from streamsim.streams.topics import METRICS, topic

BEGAN = int(time.time() * 1000)
"""When this process started (wall time, ms): its counts are of the time since."""


def worker_metrics(
    runner: Runner,
    latencies: Latencies,
    counts: VersionCounts,
    *,
    worker: int,
    generation: int,
    partitions: Sequence[int],
    published_until: Mapping[str, int] | None,
    saved: Mapping[str, int],
    foreign: ForeignRecords,
) -> Outbound:
    """Write a worker's account, positions and latencies as a record.

    Parameters
    ----------
    counts
        What each version of the model has done, since the worker's process started.
    generation
        Of the assignment; metrics of a later generation replace those of an earlier one, partition
        by partition.
    partitions
        The partitions that it owns, of all sources.
    published_until
        Per kind, the time up to which it has published states that are complete in all partitions
        (ms); ``None`` if another worker publishes them.
    saved
        Topic to the offset before which its records are in a snapshot of the shared state.
    foreign
        Records of other programs in the topics of the shared state.
    """
    pipeline, name = runner.pipeline, runner.spec.name
    signature, now = pipeline.answering, int(time.time() * 1000)
    sources = [source.name for source in runner.spec.inputs.sources]
    body: Mapping[str, Any] = {
        "worker": worker,
        "generation": generation,
        "assigned": {source: list(partitions) for source in sources},
        "account": {s: {str(p): pipeline.account.of(s, p) for p in partitions} for s in sources},
        "position": {s: {str(p): int(runner.saved[s][p]) for p in partitions} for s in sources},
        "taken": {str(p): int(pipeline.taken(runner.spec.trigger.name)[p]) for p in partitions},
        "clock": {s: _latest(clock) for s, clock in pipeline.clocks.items()},
        "complete": {
            kind: {str(p): int(until[p]) for p in partitions}
            for kind, until in pipeline.complete().items()
        },
        "told": published_until,
        "saved": saved,
        "foreign": {name: [count, foreign.told[name]] for name, count in foreign.counts.items()},
        "queued": len(runner.inbox),
        "pending": pipeline.pending,
        "waits_for": pipeline.waits_for(),
        "retries": runner.retries,
        "latency": latencies.as_dict(),
        "began": BEGAN,
        "versions": counts.as_list(),
        "model": signature and {"name": signature.model, "version": signature.version},
    }
    return Outbound(topic(name, METRICS), 0, b"account:%d" % worker, orjson.dumps(body), now, [])


def read_worker_metrics(value: bytes) -> Mapping[str, Any] | None:
    """Read a worker's metrics; ``None`` for other records of that topic."""
    body: Mapping[str, Any] = orjson.loads(value)
    return body if "worker" in body else None


def read_version_counts(
    body: Mapping[str, Any],
) -> tuple[int, int, Mapping[Part, Count]] | None:
    """Read worker, begin of its process (ms) and counts of versions; ``None`` if it has none.

    Raises
    ------
    ForeignRecordError
        If they are of another form.
    """
    if "versions" not in body:
        return None
    own = check_fields(body, {"worker": int, "began": int, "versions": list})
    return own["worker"], own["began"], read_counts(own["versions"])


def _latest(clock: Ints) -> int | None:
    latest = int(clock.max())
    return latest if latest > 0 else None
