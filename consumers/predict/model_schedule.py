"""Model schedule: which versions of a model score an event, by its event time.

The entries are read from ``ops.models``. A schedule is complete up to a time; later events wait. It
is append-only: a replay after a crash uses the same versions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Any

import numpy as np

from streamsim.consumers.predict.plans import Plan
from streamsim.streams.codec import format_times, parse_times
from streamsim.streams.errors import ForeignRecordError, ModelError, UsageError
from streamsim.streams.events import NO_TIME, Ints
from streamsim.streams.signature import Signature
from streamsim.streams.stored.foreign_records import NUMBER, Kinds, check_fields, read_fields

RENEWED, UNCHANGED = "renewed", "unchanged"
CHANGES = ("shadow", "canary", "promoted", "rolled back", "withdrawn", "set")
"""Events that change a plan: a shadow or canary begins, a version becomes the champion, an earlier
champion returns, shadow and canary end, or a setting of the champion is another."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the plan by decision, not by the renewal of the champion.

    Attributes
    ----------
    event
        One of :data:`CHANGES`.
    number
        How many changes of this model there have been, this one included.
    plan
        The plan from the entry's time on.
    who, why
        Who decided it, and the reason in words.
    evidence
        Figures that the decision stands on, as JSON types.
    """

    event: str
    number: int
    plan: Plan
    who: str
    why: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the schedule: one version and its time.

    Attributes
    ----------
    version
        The champion from ``since`` to ``until``.
    since
        Start of its time (ms); ``NO_TIME``: from the beginning.
    until
        End of the known schedule (ms).
    is_new
        Whether the plan is new, or the last one continues.
    change
        The decision, if it is one.
    """

    model: str
    version: str
    threshold: float
    since: int
    until: int
    is_new: bool
    change: Change | None = None

    def as_record(self, run: str) -> dict[str, Any]:
        """Write the entry for ``ops.models``, which several runs may share."""
        since, until = format_times(np.array([max(self.since, 0), self.until]))
        change = self.change
        body = {
            "event": change.event if change else RENEWED if self.is_new else UNCHANGED,
            "run": run,
            "model": self.model,
            "version": self.version,
            "threshold": self.threshold,
            "effective_from": None if self.since == NO_TIME else since,
            "known_until": until,
        }
        if change is None:
            return body
        plan = change.plan
        return {
            **body,
            "number": change.number,
            "plan": {
                "champion": plan.champion.version,
                "canary": None if plan.canary is None else plan.canary.version,
                "share": plan.share,
                "shadow": None if plan.shadow is None else plan.shadow.version,
                "stand_in": None if plan.stand_in is None else plan.stand_in.version,
            },
            "who": change.who,
            "why": change.why,
            "evidence": dict(change.evidence),
            "signatures": [signature.as_dict() for signature in plan.signatures],
        }


def read_entry(value: bytes | None, run: str, model: str) -> Entry | None:
    """Read a record of ``ops.models``; ``None`` if it is of another run, model or kind.

    Raises
    ------
    ForeignRecordError
        If it is none.
    """
    body = read_lifecycle(value)
    is_entry = body["event"] in (RENEWED, UNCHANGED, *CHANGES)
    if not is_entry or body.get("run") != run or body["model"] != model:
        return None
    check_fields(body, {"known_until": str})
    since, until = parse_times([body["effective_from"], body["known_until"]]).tolist()
    change = _read_change(body) if body["event"] in CHANGES else None
    is_new = body["event"] != UNCHANGED
    return Entry(model, body["version"], float(body["threshold"]), since, until, is_new, change)


def _read_change(body: dict[str, Any]) -> Change:
    check_fields(body, {"number": int, "signatures": list})
    plan = body["plan"]
    try:
        own = {s.version: s for s in map(Signature.from_dict, body["signatures"])}
        found = Plan(
            own[plan["champion"]],
            own[plan["canary"]] if plan["canary"] else None,
            float(plan["share"]),
            own[plan["shadow"]] if plan["shadow"] else None,
            own[plan["stand_in"]] if plan.get("stand_in") else None,
        )
    except (ModelError, UsageError, KeyError, TypeError, AttributeError) as error:
        raise ForeignRecordError(f"no plan of a model ({error!r})") from None
    return Change(body["event"], body["number"], found, body["who"], body["why"], body["evidence"])


def read_lifecycle(value: bytes | None) -> dict[str, Any]:
    """Read a record of ``ops.models``, of any kind.

    Raises
    ------
    ForeignRecordError
        If it is none.
    """
    kinds: dict[str, Kinds] = dict.fromkeys(("event", "model", "version"), str)
    kinds |= {"threshold": NUMBER, "effective_from": (str, NoneType)}
    body = read_fields(value, kinds)
    is_change = body["event"] in CHANGES or "plan" in body
    check_fields(body, {name: own for name, own in _MORE.items() if is_change or name in body})
    if is_change:
        check_fields({"stand_in": None, **body["plan"]}, _PLAN)
    if body["event"] == UNCHANGED:
        check_fields(body, {"known_until": str})
    return body


_MORE: Mapping[str, Kinds] = {"plan": dict, "who": str, "why": str, "evidence": dict}
_PLAN: Mapping[str, Kinds] = {
    "champion": str,
    "canary": (str, NoneType),
    "share": NUMBER,
    "shadow": (str, NoneType),
    "stand_in": (str, NoneType),
}


class Schedule:
    """The plans of one model, in the order in which they take effect.

    Parameters
    ----------
    champion
        Scores until the first entry takes effect.
    """

    def __init__(self, champion: Signature) -> None:
        self._since = np.array([NO_TIME])
        self._plans = [Plan(champion)]
        self.until = NO_TIME
        """End of the known schedule (ms): later events must wait."""
        self.asked = NO_TIME
        """The latest event time that was asked for (ms)."""
        self.changes = 0
        """How many decisions have been applied."""

    def add(self, entry: Entry) -> bool:
        """Append an entry; return whether it says anything new. A repeat does not."""
        change = entry.change
        if change is not None:
            if change.number <= self.changes:
                return False
            self.changes = change.number
            self._append(entry.since, change.plan)
            self.until = max(self.until, entry.until)
            return True
        if entry.until <= self.until:
            return False
        self.until = entry.until
        if entry.is_new:
            last = self._plans[-1]
            renewed = replace(last.champion, version=entry.version, threshold=entry.threshold)
            self._append(entry.since, replace(last, champion=renewed))
        return True

    def numbers(self, times: Ints) -> Ints:
        """Return the number of the plan for events at these times."""
        return np.searchsorted(self._since, times, side="right") - 1

    def plan(self, number: int) -> Plan:
        """Return a plan by its number."""
        return self._plans[number]

    @property
    def last(self) -> Plan:
        """The plan that holds from the latest entry on."""
        return self._plans[-1]

    def at(self, time: int) -> Plan:
        """Return the plan for an event time (ms)."""
        return self._plans[int(self.numbers(np.array([time]))[0])]

    def begin(self, number: int) -> int:
        """Return from when on a plan holds (ms)."""
        return int(self._since[number])

    def begun(self, of: Callable[[Plan], Signature | None]) -> int:
        """Return from when on a part of the plans has had its present version (ms)."""
        now = _version(of(self.last))
        places = range(len(self._plans) - 1, -1, -1)
        changed = (n + 1 for n in places if _version(of(self._plans[n])) != now)
        return int(self._since[next(changed, 0)])

    def signature(self, number: int) -> Signature:
        """Return the signature of a plan's champion."""
        return self._plans[number].champion

    @property
    def since(self) -> int:
        """From when on the last plan holds (ms)."""
        return int(self._since[-1])

    def previous(self) -> Signature | None:
        """Return the champion before the last one, ``None`` if there was none."""
        now = self.last.champion.version
        others = (plan.champion for plan in reversed(self._plans))
        return next((champion for champion in others if champion.version != now), None)

    def _append(self, since: int, plan: Plan) -> None:
        self._since = np.append(self._since, since)
        self._plans.append(plan)


def _version(signature: Signature | None) -> str | None:
    return None if signature is None else signature.version
