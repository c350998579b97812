"""Records of ``ops.models`` in plain words, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from streamsim.consumers.predict.model_schedule import UNCHANGED
from streamsim.simulator.run.life.life_requests import ASKED, REFUSED

ENDS = "ends"
"""Of a decision's evidence: the trials that it ends, in words."""
CHAMPION = "champion"
"""Event of a version that answers from the beginning of a run."""


def is_told(body: Mapping[str, Any]) -> bool:
    """Say whether a record tells people anything: that a schedule is known further does not."""
    return bool(body["event"] != UNCHANGED)


def lifecycle_line(body: Mapping[str, Any], wall_ms: int | None) -> str:
    """Format a record of ``ops.models`` as text; its wall time may be unknown.

    >>> lifecycle_line({"event": "champion", "model": "water-leak", "version": "3",
    ...                 "effective_from": None, "threshold": 0.9}, 0)
    '1970-01-01 00:00:00  water-leak 3 is champion from the beginning; alerts from 0.9'
    >>> lifecycle_line({"event": "unchanged", "model": "power-load", "version": "3",
    ...                 "effective_from": None, "known_until": "2025-01-11T00:00:00.000Z",
    ...                 "threshold": 0.9}, 0)
    '1970-01-01 00:00:00  power-load 3 answers until event time 2025-01-11T00:00:00.000Z'
    >>> lifecycle_line({"event": "promoted", "model": "water-leak", "version": "4",
    ...                 "effective_from": "2025-01-11T00:00:00.000Z", "threshold": 0.8,
    ...                 "who": "ann", "why": "fewer false alarms", "plan": {"champion": "4"},
    ...                 "evidence": {"from": "3"}}, 0)  # doctest: +NORMALIZE_WHITESPACE
    '1970-01-01 00:00:00  water-leak: 4 is the champion in place of 3, from event time
     2025-01-11T00:00:00.000Z (ann: fewer false alarms)'
    """
    named, event = str(body["model"]), body["event"]
    if wall_ms is not None:
        at = datetime.fromtimestamp(wall_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        named = f"{at}  {named}"
    if event in (ASKED, REFUSED):
        refused = f"; refused: {body.get('why')}" if event == REFUSED else ""
        return f"{named}: {_asked(body)}{refused}"
    if event in ("learning", "learnt", "proposed"):
        return f"{named}: {_learnt(body)}"
    if event == UNCHANGED:
        return f"{named} {body['version']} answers until event time {body['known_until']}"
    since = f"event time {body['effective_from']}" if body["effective_from"] else "the beginning"
    if "plan" in body:
        return f"{named}: {_decision(body)}, from {since} ({body['who']}: {body['why']})"
    return f"{named} {body['version']} is {event} from {since}; alerts from {body['threshold']:g}"


def _asked(body: Mapping[str, Any]) -> str:
    """Say what a person asks for."""
    values = body.get("values") or {}
    parts = [str(body.get("action")), str(body["version"])]
    parts += [f"{key}={value:g}" for key, value in values.items()]
    return f"{body.get('who')} asks: {' '.join(part for part in parts if part)}"


def _learnt(body: Mapping[str, Any]) -> str:
    """Say what becomes of a learning."""
    event, version, why = body["event"], body["version"], body.get("why", "")
    if event == "learning":
        return f"a challenger of {version} is being learnt, because of {why}"
    if event == "proposed":
        return f"{version} is proposed as champion: {why}"
    evidence = body.get("evidence") or {}
    said = f"challenger {version}" if version else "no challenger"
    return f"{said}, {evidence.get('ended', 'died')}: {why}"


def _decision(body: Mapping[str, Any]) -> str:
    """Say what a decision changes."""
    plan, event, version = body["plan"], body["event"], body["version"]
    before = body["evidence"].get("from")
    if event == "shadow":
        return f"{plan['shadow']} scores in shadow of {version}{_ends(body)}"
    if event == "canary":
        share = f"{plan['share']:.0%} of the entities"
        return f"{plan['canary']} answers {share} as canary of {version}{_ends(body)}"
    if event == "withdrawn":
        stays = plan["canary"] or plan["shadow"]
        return f"{version} answers {'on' if stays else 'alone again'}{_ends(body)}"
    if event == "set":
        return f"{version} alerts from {body['threshold']:g}"
    again = " again" if event == "rolled back" else ""
    instead = f" in place of {before}" if before else ""
    return f"{version} is the champion{again}{instead}{_ends(body)}"


def _ends(body: Mapping[str, Any]) -> str:
    """Name the trials that a decision ends without going on with them."""
    return "".join(f"; {trial} ends" for trial in body["evidence"].get(ENDS, ()))
