"""JSON Schema of a domain's alerts, rendered from its spec.

The model service answers with it, and each alert names it as its ``dataschema``.
"""

from __future__ import annotations

from typing import Any

from streamsim.streams.spec import AlertRule, DomainSpec, EventRule

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPE = "io.github.streamsim"
"""Begins the ``type`` of an alert, in reverse-DNS form."""
_NUMBER, _TEXT = {"type": "number"}, {"type": "string"}
_POSITION = {
    "type": "object",
    "properties": {"topic": _TEXT, "partition": {"type": "integer"}, "offset": {"type": "integer"}},
}
_REASON = {
    "type": "object",
    "properties": {
        "what": _TEXT,
        "feature": _TEXT,
        "value": _NUMBER,
        "usual": _NUMBER,
        "effect": _NUMBER,
        "text": _TEXT,
    },
    "required": ["text"],
}


def schema_path(domain: str) -> str:
    """Return the path of a domain's schema at the model service.

    >>> schema_path("water")
    '/schemas/water.alerts.json'
    """
    return f"/schemas/{domain}.alerts.json"


def alert_schema(spec: DomainSpec) -> dict[str, Any]:
    """Return the JSON Schema of the data of a domain's alerts."""
    alerting = spec.alerting
    named: list[AlertRule | EventRule] = [alerting.rule, *alerting.event_rules]
    nouns = {rule.noun for rule in named}
    about = {
        noun: {"type": "string", "description": f"the {noun} that the alert is about"}
        for noun in sorted(nouns)
    }
    rules = {rule.name: rule.formula for rule in named}
    return {
        "$schema": DIALECT,
        "title": f"alerts of {spec.name}",
        "description": "; ".join(f"{name}: {formula}" for name, formula in rules.items()),
        "type": "object",
        "properties": {
            "rule": _TEXT,
            "severity": {"enum": ["warning", "critical", "resolved"]},
            **about,
            "seen": {**_TEXT, "description": "what was observed, for a person"},
            "facts": {"type": "object"},
            "why": {"type": "array", "items": _REASON},
            "event_time": {**_TEXT, "format": "date-time"},
            "event_id": _TEXT,
            "source": _POSITION,
            "score": {**_NUMBER, "minimum": 0, "maximum": 1},
            "threshold": _NUMBER,
            "model": _TEXT,
            "version": _TEXT,
        },
        "required": ["rule", "severity", "seen", "facts", "why", "event_time"],
        "if": {"properties": {"rule": {"const": alerting.rule.name}}},
        "then": {"required": [alerting.rule.noun, "score", "threshold", "event_id", "source"]},
    }
