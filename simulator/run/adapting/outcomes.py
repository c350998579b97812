"""Outcome of a retraining: written once, and found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from streamsim.models.adapting.gate_verdict import Verdict
from streamsim.models.adapting.requests import Ended
from streamsim.simulator.run.adapting.orders import Order

SCHEMA = 1
REQUEST, OUTCOME = "request", "outcome"
"""Of a challenger's release: the request that it answers, and the outcome."""


def released(order: Order) -> dict[str, Any] | None:
    """Return the outcome from the release of the request's challenger, if there is one."""
    model = order.spec.model.recipe.name
    for version in reversed(order.run.versions(model)):
        data = order.run.release(model, version).data
        if data.get(REQUEST) == order.request and isinstance(data.get(OUTCOME), dict):
            return dict(data[OUTCOME])
    return None


def written(order: Order) -> dict[str, Any] | None:
    """Return the outcome that was written before, if there is one of this request."""
    try:
        found = orjson.loads(order.out.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    is_own = type(found) is dict and found.get(REQUEST) == order.request
    return found if is_own else None


def outcome_of(order: Order, ended: Ended, why: str, **more: Any) -> dict[str, Any]:
    """Return an outcome as JSON types; ``more`` stands in place of what a failed one lacks."""
    return {
        "schema": SCHEMA,
        REQUEST: order.request,
        "domain": order.spec.name,
        "model": order.spec.model.recipe.name,
        "champion": order.champion,
        "ended": str(ended),
        "why": why,
        "version": None,
        "verdict": Verdict(better=False, gates=()).as_dict(),
        **more,
    }


def write(path: Path, outcome: dict[str, Any]) -> None:
    """Write an outcome atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(orjson.dumps(outcome, option=orjson.OPT_INDENT_2))
    draft.replace(path)
