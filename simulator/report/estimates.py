"""Error of a run's estimates, computed from its topics alone."""

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
    label_values: Mapping[str, Iterable[bytes | None]],
    now_ms: int | None,
) -> dict[str, dict[str, Any]]:
    """Compare the estimates beside the scores with the true values in the label sources.

    Parameters
    ----------
    label_values
        Values of the label sources' topics, by the source's name.
    now_ms
        Event time up to which true values are known; ``None`` takes all of them as final.

    Returns
    -------
    Per estimate its root mean square error, that of a constant prediction of the true mean, and the
    number of events with a known true value. Without such events the errors are ``None``.
    """
    if not spec.model.estimates:
        return {}
    rows = [orjson.loads(value) for value in scores]
    ids = [row["event_id"] for row in rows]
    time = parse_times([row["event_time"] for row in rows])
    found = {}
    for estimate in spec.model.estimates:
        true = numbers_of(
            read_numbers(spec.labels, estimate.field, label_values[estimate.source]), ids
        )
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
