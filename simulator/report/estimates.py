"""Judge what a run estimated beside its scores, from its topics alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import orjson

from streamsim.streams.codec import parse_times
from streamsim.streams.labels import numbers_of, read_numbers
from streamsim.streams.spec import DomainSpec


def estimates_quality(
    spec: DomainSpec,
    scores: Iterable[bytes],
    told: Mapping[str, Iterable[bytes | None]],
    now_ms: int | None,
) -> dict[str, dict[str, Any]]:
    """Measure what was estimated beside the scores against what its label sources told.

    Parameters
    ----------
    told
        Values of those sources' topics, by the source's name.
    now_ms
        Event time up to which they are known; ``None`` takes all of them as final.

    Returns
    -------
    Per number its root mean square error, that of always saying the mean of what was true, and of
    how many events the truth is known. Without any, the errors are ``None``.
    """
    rows = [orjson.loads(value) for value in scores]
    ids = [row["event_id"] for row in rows]
    time = parse_times([row["event_time"] for row in rows])
    found = {}
    for estimate in spec.model.estimates:
        true = numbers_of(read_numbers(spec.labels, estimate.field, told[estimate.source]), ids)
        known = np.isfinite(true)
        if now_ms is not None:
            known &= time + estimate.delay <= now_ms
        said = np.array([row[estimate.name] for row in rows], np.float64)[known]
        true = true[known]
        errors = (said - true, true - true.mean()) if len(true) else ()
        rmse, of_mean = [round(float(np.sqrt((e**2).mean())), 3) for e in errors] or (None, None)
        found[estimate.name] = {
            "rmse": rmse,
            "rmse_of_the_mean": of_mean,
            "labelled": len(true),
        }
    return found
