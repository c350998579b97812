"""Requests to the model service that failed towards a worker, by what the workers count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from streamsim.producers.recording import Recorded

Span = tuple[float, float]
"""From and until, wall time in ms."""


def failed_requests(metrics: Iterable[Recorded], down: Sequence[Span] = ()) -> tuple[int, int]:
    """Count failed requests of the model service while it ran, and while it was down.

    Parameters
    ----------
    metrics
        Records of ``<domain>.metrics``.
    down
        When the service was down, each with the time that it takes to be started again.
    """
    last: dict[tuple[int, int], tuple[int, int]] = {}
    failed = passing = 0
    for record in metrics:
        body = orjson.loads(record.value or b"null")
        if not isinstance(body, dict) or "retries" not in body:
            continue
        # The count begins anew with each assignment.
        own, now = (body["worker"], body["generation"]), record.timestamp
        before, counted = last.get(own, (now, 0))
        last[own] = now, body["retries"]
        more = body["retries"] - counted
        if more > 0 and any(begin <= now and before <= end for begin, end in down):
            passing += more
        else:
            failed += max(more, 0)
    return failed, passing
