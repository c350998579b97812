"""Alerts as text, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def alert_line(alert: Mapping[str, Any]) -> str:
    """Format an alert as a line: time, severity, entity, observation, score, reasons.

    >>> alert_line({
    ...     "severity": "critical", "meter": "m1", "seen": "912 litres", "score": 0.991,
    ...     "event_time": "2025-01-03T10:11:12.000Z", "facts": {},
    ...     "why": [{"what": "use", "text": "40 times the meter's mean"}],
    ... })
    "2025-01-03 10:11:12  CRITICAL  meter m1: 912 litres (0.99) because 40 times the meter's mean"
    """
    known = {"severity", "seen", "facts", "why", "score", "threshold", "event_id", "event_time"}
    known |= {"model", "version", "source", "rule"}
    noun = next((k for k in alert if k not in known), "entity")
    time = str(alert["event_time"]).replace("T", " ")[:19]
    because = "; ".join(str(reason["text"]) for reason in alert["why"])
    return (
        f"{time}  {str(alert['severity']).upper():8}  {noun} {alert.get(noun)}: {alert['seen']}"
        + (f" ({alert['score']:.2f})" if "score" in alert else "")
        + (f" because {because}" if because else "")
    )
