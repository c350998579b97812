"""The plans that ``ops.models`` tells, read by a reader of their own, with what is wrong with them.

The workers' reader is not used: a fault in it must not hide itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import orjson

from streamsim.streams.events import NO_TIME, Ints

DECISIONS = ("shadow", "canary", "promoted", "rolled back", "withdrawn", "set")


@dataclass(frozen=True, slots=True)
class Told:
    """A plan: the versions that answer from an event time on, and their thresholds of alerts."""

    since: int
    champion: str
    canary: str | None = None
    share: float = 0.0
    shadow: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    stand_in: str | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """All plans of one model in a run.

    Attributes
    ----------
    plans
        In the order in which they were told.
    until
        End of the known schedule (ms): no event from there on may have a score.
    decisions, refused
        Numbers of requests that were carried out, and that were refused.
    faults
        What is wrong with the records, as text.
    """

    plans: Sequence[Told]
    until: int
    decisions: int
    refused: int
    faults: tuple[str, ...]

    def numbers(self, times: Ints) -> Ints:
        """Return the number of the plan for events at these times (ms)."""
        since = np.array([plan.since for plan in self.plans])
        return np.searchsorted(since, times, side="right") - 1


def read_timeline(values: Iterable[bytes | None], model: str) -> Timeline:
    """Read the records of ``ops.models``, in the order of the topic."""
    reading = _Reading(model)
    for value in values:
        reading.take(orjson.loads(value or b"null"))
    return Timeline(
        reading.plans,
        reading.until,
        len(reading.decided),
        len(reading.refusals),
        tuple(reading.faults()),
    )


class _Reading:
    """What has been read of one model."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._runs: set[str] = set()
        self._wrong: list[str] = []
        self._asked: Counter[str] = Counter()
        self._answers: dict[str, set[str]] = {}
        self.plans: list[Told] = []
        self.until = NO_TIME
        self.decided: dict[int, Any] = {}
        self.refusals: dict[str, Any] = {}

    def take(self, body: Mapping[str, Any] | None) -> None:
        """Take a record."""
        if body is None or body.get("model") != self._model:
            return
        if "run" in body:
            self._runs.add(body["run"])
        event = body["event"]
        if event == "champion" and not self.plans:
            first = body["version"]
            self.plans.append(Told(NO_TIME, first, thresholds={first: body["threshold"]}))
        elif event == "asked":
            self._asked[body["id"]] += 1
        elif event == "refused":
            self.refusals.setdefault(body["asked"], body)
            self._answered(body["asked"], "refused")
        elif event in DECISIONS:
            self._decision(body)
        elif event == "unchanged":
            self._unchanged(body)
        elif event == "renewed":
            self._renewed(body)

    def faults(self) -> Iterator[str]:
        """Yield what is wrong."""
        yield from self._wrong
        if not self.plans:
            yield "no champion is told"
        if len(self._runs) > 1:
            yield f"the records are of {len(self._runs)} runs"
        if missing := sorted(set(range(1, len(self.decided) + 1)) - set(self.decided)):
            yield f"decision {missing[0]} is missing"
        for asked, times in self._asked.items():
            answers = self._answers.get(asked, set())
            if times > 1:
                yield f"request {asked} is there {times} times"
            if len(answers) != 1:
                yield f"request {asked} has {len(answers)} answers"
        for asked in sorted(self._answers.keys() - self._asked):
            yield f"request {asked} was answered and never made"

    def _answered(self, asked: str, how: str) -> None:
        self._answers.setdefault(asked, set()).add(how)

    def _decision(self, body: Mapping[str, Any]) -> None:
        number, since, plan = body["number"], _time(body["effective_from"]), body["plan"]
        if number in self.decided:  # a writer that heard no answer has written it again
            if self.decided[number] != body:
                self._wrong.append(f"decision {number} is told twice, and differs")
            return
        self.decided[number] = body
        asked = body["evidence"].get("asked")
        if asked is not None:
            self._answered(asked, f"decision {number}")
        self._in_time(f"decision {number}", since)
        thresholds = {own["version"]: own["threshold"] for own in body["signatures"]}
        self.plans.append(
            Told(
                since,
                plan["champion"],
                plan["canary"],
                plan["share"],
                plan["shadow"],
                thresholds,
                plan.get("stand_in"),
            )
        )
        self._known(_time(body["known_until"]))

    def _unchanged(self, body: Mapping[str, Any]) -> None:
        until, version = _time(body["known_until"]), body["version"]
        champion = self.plans[-1].champion if self.plans else None
        if until > self.until and version != champion:
            self._wrong.append(f"{version} is told to answer, where {champion} is the champion")
        if until < self.until:
            self._wrong.append(f"the schedule's end goes back to {body['known_until']}")
        self._known(until)

    def _renewed(self, body: Mapping[str, Any]) -> None:
        until, since, version = _time(body["known_until"]), body["effective_from"], body["version"]
        if until <= self.until or not self.plans:
            return
        self._in_time(f"renewal {version}", _time(since))
        last = self.plans[-1]
        thresholds = {**last.thresholds, version: body["threshold"]}
        self.plans.append(
            replace(last, since=_time(since), champion=version, thresholds=thresholds)
        )
        self._known(until)

    def _in_time(self, what: str, since: int) -> None:
        """Find a plan that takes effect where workers may have scored already."""
        if since < self.until:
            self._wrong.append(f"{what} takes effect before the end that was known")

    def _known(self, until: int) -> None:
        self.until = max(self.until, until)


def _time(text: str | None) -> int:
    """Return a time in ms."""
    return NO_TIME if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)
