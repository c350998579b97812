"""Outcome of a replay, and the assertions of tests about it, in event time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from streamsim.simulator.testing.times import Instant, instant_ms, spell, spell_span
from streamsim.streams.errors import ExpectationError
from streamsim.streams.spec import DomainSpec

NEAREST = 3
AROUND = 4


class Score(NamedTuple):
    """One score, from a record of ``<domain>.scores``."""

    event_id: str
    entity: str
    time_ms: int
    score: float
    features: bytes
    source: tuple[int, int]
    version: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, from a record of ``<domain>.alerts``."""

    id: str
    rule: str
    entity: str
    time_ms: int
    severity: str
    score: float
    """Of an alert without a score: the one NaN of the module math, equal to itself here."""
    body: Mapping[str, Any]

    def __str__(self) -> str:
        score = "" if math.isnan(self.score) else f" ({self.score:.2f})"
        return f"{spell(self.time_ms)}  {self.rule} on {self.entity}{score}"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A dead letter or a late record: its source, the reason, and its bytes."""

    source: tuple[str, int, int]
    reason: str
    value: bytes | None


class UnmetError(ExpectationError, AssertionError):
    """An expectation that is not met; pytest shows it as a failed assertion."""


@dataclass(frozen=True)
class Outcome:
    """All outputs of a domain, in process or on a broker, and the account of its inputs.

    Scores are in order of event time and id, alerts in order of event time.
    """

    spec: DomainSpec
    scores: Sequence[Score]
    alerts: Sequence[Alert]
    dead: Sequence[Rejected]
    late: Sequence[Rejected]
    account: Mapping[str, Any]
    order: Mapping[int, Sequence[int]]
    """Per partition, the offsets of the scored events, in order of output."""

    def expect_alert(
        self,
        rule: str | None = None,
        *,
        on: str | None = None,
        after: Instant | None = None,
        within_s: float | None = None,
    ) -> Alert:
        """Expect an alert of a rule, on an entity, within event seconds of an instant.

        Returns
        -------
        The first one that fits.

        Raises
        ------
        UnmetError
            If none fits. The message shows the nearest misses and the scores around them.
        """
        start = -np.inf if after is None else instant_ms(after)
        end = np.inf if within_s is None else start + within_s * 1000
        for alert in self._alerts(rule, on):
            if start <= alert.time_ms <= end:
                return alert
        asked = f"expected an alert{_of(rule)}{_on(on)}"
        if after is not None:
            asked += f" from {spell(int(start))}"
        if within_s is not None:
            asked += f" within {spell_span(within_s)}"
        raise UnmetError(f"{asked}; there is none\n{self._misses(rule, on, after)}")

    def expect_no_alert(
        self,
        rule: str | None = None,
        *,
        on: str | None = None,
        after: Instant | None = None,
        before: Instant | None = None,
    ) -> None:
        """Expect that no alert fits: never, or not between two instants.

        Raises
        ------
        UnmetError
            If one does. The message shows them and the scores around the first.
        """
        start = -np.inf if after is None else instant_ms(after)
        end = np.inf if before is None else instant_ms(before)
        found = [a for a in self._alerts(rule, on) if start <= a.time_ms < end]
        if found:
            listed = "\n".join(f"  {alert}" for alert in found[:NEAREST])
            raise UnmetError(
                f"expected no alert{_of(rule)}{_on(on)}; there are {len(found)}:\n{listed}\n"
                + self._timeline(found[0].entity, found[0].time_ms)
            )

    def expect_exactly(self, expected: Iterable[tuple[str, Instant]]) -> None:
        """Expect exactly these alerts: pairs of entity and event time.

        Raises
        ------
        UnmetError
            If an alert is missing or extra. The message shows both, and the scores around the
            first.
        """
        wanted = sorted((entity, instant_ms(at)) for entity, at in expected)
        raised = sorted((a.entity, a.time_ms) for a in self.alerts)
        if wanted == raised:
            return
        missing = [pair for pair in wanted if pair not in raised]
        extra = [pair for pair in raised if pair not in wanted]
        lines = [f"expected exactly {len(wanted)} alerts; there are {len(raised)}"]
        lines += [f"  missing  {entity} at {spell(at)}" for entity, at in missing]
        lines += [f"  extra    {entity} at {spell(at)}" for entity, at in extra]
        for entity, at in (missing + extra)[:1]:
            lines.append(self._timeline(entity, at))
        raise UnmetError("\n".join(lines))

    def expect_closed(self, **classes: int) -> None:
        """Expect that every event is accounted for, and the given counts of classes.

        Raises
        ------
        UnmetError
            If an event is unaccounted, or a class has another count.
        """
        parts = {"triggers": self.account, **{p: self.account[p] for p in ("context", "labels")}}
        open_ = {name: part["unaccounted"] for name, part in parts.items() if part["unaccounted"]}
        wrong = {
            name: f"{self.account.get(name)} instead of {count}"
            for name, count in classes.items()
            if self.account.get(name) != count
        }
        if open_ or wrong:
            shown = {k: v for k, v in self.account.items() if isinstance(v, int)}
            raise UnmetError(f"the account is not as expected: {open_ or wrong}\n  {shown}")

    def score_of(self, event_id: str) -> Score:
        """Return the score of an event; raise :class:`UnmetError` if it has none."""
        for score in self.scores:
            if score.event_id == event_id:
                return score
        raise UnmetError(f"{event_id} has not been scored")

    def _alerts(self, rule: str | None, on: str | None) -> list[Alert]:
        return [a for a in self.alerts if rule in (None, a.rule) and on in (None, a.entity)]

    def _misses(self, rule: str | None, on: str | None, after: Instant | None) -> str:
        at = instant_ms(after) if after is not None else None
        distance = {
            alert.id: (
                (rule not in (None, alert.rule)) + (on not in (None, alert.entity)),
                abs(alert.time_ms - at) if at is not None else alert.time_ms,
            )
            for alert in self.alerts
        }
        nearest = sorted(self.alerts, key=lambda a: distance[a.id])[:NEAREST]
        lines = ["nearest misses:", *(f"  {alert}" for alert in nearest)]
        if not nearest:
            lines = ["there are no alerts at all"]
        entity = on or (nearest[0].entity if nearest else None)
        if entity is not None:
            lines.append(self._timeline(entity, at))
        return "\n".join(lines)

    def _timeline(self, entity: str, at: int | None) -> str:
        """Show an entity's scores around an instant, or its highest ones."""
        own = [s for s in self.scores if s.entity == entity]
        if not own:
            return f"{entity} has no scored events"
        middle = max(range(len(own)), key=lambda i: own[i].score)
        if at is not None:
            middle = min(range(len(own)), key=lambda i: abs(own[i].time_ms - at))
        shown = own[max(0, middle - AROUND) : middle + AROUND + 1]
        raised = {a.body.get("event_id") for a in self.alerts}
        lines = [f"scores of {entity} around that:"]
        lines += [
            f"  {spell(s.time_ms)}  {s.score:.6f}  {s.event_id}"
            + ("  ALERT" if s.event_id in raised else "")
            for s in shown
        ]
        return "\n".join(lines)


def _of(rule: str | None) -> str:
    return f" of {rule}" if rule else ""


def _on(entity: str | None) -> str:
    return f" on {entity}" if entity else ""
