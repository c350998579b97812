"""Quality of surge alerts, measured against the surges that the world planted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson

from streamsim.consumers.monitor.feed_alerts import Trouble
from streamsim.streams.codec import decode_objects, parse_times
from streamsim.streams.spec import DomainSpec


def surge_quality(
    spec: DomainSpec, alerts: Iterable[bytes], truth: Iterable[bytes | None], now: int
) -> dict[str, Any] | None:
    """Compare surge alerts with the planted surges; ``None`` if the domain declares none.

    The recall leaves out surges that were planted while the baseline was still being learnt, and
    surges that are not over.

    Parameters
    ----------
    now
        Latest event time (ms).

    Returns
    -------
    ``alerts`` and ``planted``, ``precision``, ``recall`` and ``chance_precision``, the share of
    time in which an alert would have been true; ``None`` where the denominator is 0.
    """
    watch = spec.alerting.feeds
    if watch is None or watch.surge is None or not watch.surge.kinds:
        return None
    begin = spec.world.epoch
    bodies = [body for body in decode_objects(list(truth))[0] if body]
    spans = [
        tuple(parse_times([body.get("onset"), body.get("until")]).tolist())
        for body in bodies
        if body.get("kind") in watch.surge.kinds
    ]
    raised = [
        int(parse_times([body["event_time"]])[0])
        for body in map(orjson.loads, alerts)
        if body.get("rule") == Trouble.SURGES
    ]
    right = [any(since < at <= until + watch.bucket for since, until in spans) for at in raised]
    judged = [s for s in spans if s[0] >= begin + watch.surge.learn and s[1] <= now]
    hit = [any(since < at <= until + watch.bucket for at in raised) for since, until in judged]
    inside = sum(max(0, min(until, now) - since) for since, until in spans)
    return {
        "alerts": len(raised),
        "planted": len(judged),
        "precision": _mean(right),
        "recall": _mean(hit),
        "chance_precision": round(inside / (now - begin), 4) if now > begin else None,
    }


def _mean(values: list[bool]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
