"""Failed requests of workers: counted apart while the service was down."""

from __future__ import annotations

from typing import Any

import orjson

from streamsim.benchmarks.fault_injection.failed_requests import failed_requests
from streamsim.producers.recording import Recorded


def counted(wall_ms: int, retries: int, worker: int = 0, generation: int = 1) -> Recorded:
    body = {"worker": worker, "generation": generation, "retries": retries}
    return Recorded("own.metrics", 0, wall_ms, wall_ms, b"", orjson.dumps(body), ())


def test_retries_are_counted_per_worker_and_assignment() -> None:
    metrics: list[Any] = [
        counted(100, 0), counted(110, 0, worker=1), counted(200, 2), counted(210, 1, worker=1),
        counted(300, 0, generation=2), counted(400, 3, generation=2),
    ]  # fmt: skip
    assert failed_requests(metrics) == (6, 0)


def test_failures_while_the_service_was_down_are_passing() -> None:
    metrics = [counted(100, 0), counted(200, 2), counted(300, 2), counted(400, 5)]
    assert failed_requests(metrics, [(150, 160)]) == (3, 2)
    assert failed_requests(metrics, [(150, 160), (390, 500)]) == (0, 5)


def test_other_records_count_nothing() -> None:
    other = Recorded("own.metrics", 0, 0, 0, b"accuracy", b'{"accuracy": {}}', ())
    assert failed_requests([other, other._replace(value=None)]) == (0, 0)
