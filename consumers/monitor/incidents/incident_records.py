"""Changes of incidents as CloudEvents on ``ops.alerts``, and as lines for a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from types import NoneType
from typing import Any

import numpy as np

from streamsim.consumers.monitor.cloud_event import cloud_event
from streamsim.consumers.monitor.incidents.incident import Change, Incident, Signal, Turn
from streamsim.consumers.monitor.incidents.silences import Silence
from streamsim.streams.codec import format_times
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import Outbound
from streamsim.streams.stored.foreign_records import Kinds, check_fields, read_fields
from streamsim.streams.topics import OPS_ALERTS

INCIDENT = "incident"
"""Ends the CloudEvents type."""
_TEXTS = ("id", "domain", "rule", "subject", "text", "since", "opened_at", "last_at", "event_time")
_FIELDS: Mapping[str, Kinds] = {
    **dict.fromkeys((*_TEXTS, "change", "state"), str),
    "resolved_at": (str, NoneType),
    "count": int,
    "opened_by": dict,
    "members": (dict, NoneType),
    "silenced": (dict, NoneType),
}

_SAID = {Turn.RENOTIFIED: "still open"}
"""Changes whose names say little to a person."""


def incident_record(change: Change, silence: Silence | None = None) -> Outbound:
    """Write what happens to an incident for ``ops.alerts``.

    Its CloudEvents id is made of the incident, the change and its time, so that a repeat is
    recognised.

    Parameters
    ----------
    silence
        The silence that holds for it: the record says so, and readers do not show it.
    """
    incident, cause = change.incident, change.incident.cause
    body: dict[str, Any] = {
        "id": incident.id,
        "change": change.turn,
        "state": incident.state,
        **asdict(cause),
        "text": incident_text(change),
        "since": _spelled(incident.since),
        "opened_at": _spelled(incident.opened_at),
        "last_at": _spelled(incident.last_at),
        "resolved_at": None if incident.resolved_at is None else _spelled(incident.resolved_at),
        "event_time": _spelled(change.at),
        "count": incident.count,
        "worst": _number(incident.worst),
        "opened_by": _figures(incident.opened_by),
        "latest": _figures(incident.latest),
        "resolved_by": change.by and _figures(change.by),
        "members": incident.members and asdict(incident.members),
        "silenced": silence and _silenced(silence),
    }
    place = f"{incident.id}:{change.turn}:{change.at}"
    time = max(change.at, 0)
    return cloud_event(cause.domain, INCIDENT, place, cause.subject, time, body, to=OPS_ALERTS)


def incident_text(change: Change) -> str:
    """Say in plain words what an incident is about.

    A group's alerts are at what they share; any other incident is about its subject. That it is
    still open, or resolved, is the change's own: a line begins with it.
    """
    incident = change.incident
    members = incident.members
    joint = " at " if members is not None and members.newest else ", "
    what = f"{incident.cause.rule.replace('_', ' ')}{joint}{incident.cause.subject}"
    since = _since(incident, change.at)
    if change.by is not None:
        return f"{what}: {change.by.text}; {members.text if members else 'bad'} since {since}"
    return f"{what}: {incident.latest.text}{'' if members else ','} since {since}"


def incident_line(body: Mapping[str, Any]) -> str:
    """Format a record's body as a line: event time, change, what it is about.

    >>> incident_line({"event_time": "2025-01-03T12:31:00.000Z", "change": "opened",
    ...                "text": "suspected leak at street 12: 3 meters since 12:05"})
    '2025-01-03 12:31:00  OPENED      suspected leak at street 12: 3 meters since 12:05'
    """
    time = str(body["event_time"]).replace("T", " ")[:19]
    change = _SAID.get(body["change"], str(body["change"]))
    return f"{time}  {change.upper():10}  {body['text']}"


def read_incident(value: bytes | None) -> dict[str, Any]:
    """Read the value of an incident's record.

    Raises
    ------
    ForeignRecordError
        If it is none.
    """
    body = read_fields(value, _FIELDS)
    if body["change"] not in set(Turn):
        raise ForeignRecordError(f"no change of an incident: {body['change']}")
    if body["silenced"] is not None:
        check_fields(body["silenced"], {"who": str, "why": str})
    return body


def is_shown(body: Mapping[str, Any]) -> bool:
    """Say whether a person is to see a record: its incident is not silenced."""
    return body["silenced"] is None


def _figures(signal: Signal) -> dict[str, Any]:
    return {
        "text": signal.text,
        "value": _number(signal.value),
        "bound": _number(signal.bound),
        "samples": signal.samples,
        "at": _spelled(signal.at),
    }


def _silenced(silence: Silence) -> dict[str, Any]:
    ends = {"until": silence.until, "until_event_time": silence.until_event_time}
    told = {name: None if at is None else _spelled(at) for name, at in ends.items()}
    return {"who": silence.who, "why": silence.why, **told}


def _since(incident: Incident, now: int) -> str:
    """Return the time of the day, after the date if that is another."""
    began, today = _spelled(incident.since), _spelled(now)
    return began[11:16] if began[:10] == today[:10] else began[:16].replace("T", " ")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _spelled(time: int) -> str:
    return format_times(np.array([time]))[0]
