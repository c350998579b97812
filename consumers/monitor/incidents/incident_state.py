"""Signals and incidents as JSON types, for snapshots; numbers that JSON lacks are texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from streamsim.consumers.monitor.incidents.incident import Cause, Incident, Members, Signal

_FLOATS = ("value", "bound")


def signal_parts(signal: Signal) -> dict[str, Any]:
    """Return a signal as JSON types."""
    parts = asdict(signal)
    return {**parts, **{name: _kept(parts[name]) for name in _FLOATS}}


def signal_of(parts: Mapping[str, Any]) -> Signal:
    """Return the signal of :func:`signal_parts`.

    >>> signal = Signal(Cause("water", "drift", "feature litres"), 5, True, False, math.inf, 0.2,
    ...                 "inf, above 0.2", members=Members("meter", 2, ("m1", "m2")))
    >>> signal_parts(signal)["value"], signal_of(signal_parts(signal)) == signal
    ('inf', True)
    """
    members = parts["members"]
    if members is not None:
        members = Members(members["noun"], members["count"], tuple(members["newest"]))
    floats = {name: float(parts[name]) for name in _FLOATS}
    return Signal(**{**parts, "cause": Cause(**parts["cause"]), "members": members, **floats})


def incident_parts(incident: Incident) -> dict[str, Any]:
    """Return an incident as JSON types."""
    signals = {name: signal_parts(getattr(incident, name)) for name in ("opened_by", "latest")}
    return {**asdict(incident), **signals, "worst": _kept(incident.worst)}


def incident_of(parts: Mapping[str, Any]) -> Incident:
    """Return the incident of :func:`incident_parts`."""
    own: dict[str, Any] = {**parts, "cause": Cause(**parts["cause"])}
    own |= {name: signal_of(parts[name]) for name in ("opened_by", "latest")}
    return Incident(**{**own, "worst": float(parts["worst"])})


def _kept(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)
