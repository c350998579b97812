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
    spec: DomainSpec,
    alerts: Iterable[bytes],
    truth: Iterable[bytes | None],
    now: int,
    since: int | None = None,
) -> dict[str, Any] | None:
    """Compare surge alerts with the planted surges; ``None`` if the domain declares none.

    The recall leaves out surges that were planted while the baseline was still being learnt, and
    surges that are not over.

    Parameters
    ----------
    now
        Latest event time (ms).
    since
        From this time on the alerts are all there (ms); by default from the beginning.

    Returns
    -------
    ``alerts`` and ``planted``, ``precision``, ``recall`` and ``chance_precision``, the share of
    time in which an alert would have been true; ``None`` where the denominator is 0.
    """
    watch = spec.alerting.feeds
    if watch is None or watch.surge is None or not watch.surge.kinds:
        return None
    begin = max(spec.world.epoch + watch.surge.learn, since or 0)
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
    right = [any(onset < at <= end + watch.bucket for onset, end in spans) for at in raised]
    judged = [s for s in spans if s[0] >= begin and s[1] <= now]
    hit = [any(onset < at <= end + watch.bucket for at in raised) for onset, end in judged]
    whole = since or spec.world.epoch
    inside = sum(max(0, min(end, now) - max(onset, whole)) for onset, end in spans)
    return {
        "alerts": len(raised),
        "planted": len(judged),
        "precision": _mean(right),
        "recall": _mean(hit),
        "chance_precision": round(inside / (now - whole), 4) if now > whole else None,
    }


def _mean(values: list[bool]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
