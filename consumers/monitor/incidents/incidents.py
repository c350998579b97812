"""The open incidents of one domain: at most one per cause, however many signals it has."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from streamsim.consumers.monitor.incidents.incident import (
    Cause,
    Change,
    Hysteresis,
    Incident,
    Signal,
    Turn,
)
from streamsim.consumers.monitor.incidents.incident_state import (
    incident_of,
    incident_parts,
    signal_of,
    signal_parts,
)
from streamsim.streams.events import NO_TIME


@dataclass(slots=True)
class _Streak:
    """Bad steps in a row of a cause that has no incident yet."""

    steps: int
    since: int
    count: int
    worst: Signal


@dataclass(slots=True)
class _Open:
    """An open incident, good steps in a row, when it was last told, and its worst signal."""

    incident: Incident
    good: int
    told_at: int
    worst: Signal


class Incidents:
    """Takes signals step by step, and returns what changes.

    Only causes that are bad or open are remembered. The outcome depends on the signals and their
    event times alone, not on the order within a step.

    Parameters
    ----------
    rules
        By the rules' names; other rules follow ``default``.
    """

    def __init__(
        self, rules: Mapping[str, Hysteresis] | None = None, default: Hysteresis | None = None
    ) -> None:
        self._rules = dict(rules or {})
        self._default = default or Hysteresis()
        self._at = NO_TIME
        self._streaks: dict[Cause, _Streak] = {}
        self._open: dict[Cause, _Open] = {}

    @property
    def open(self) -> tuple[Incident, ...]:
        """The open incidents, in order of their causes."""
        return tuple(self._open[cause].incident for cause in sorted(self._open))

    def step(self, at: int, signals: Iterable[Signal] = ()) -> tuple[Change, ...]:
        """Take the signals of one step.

        A step that is not later than all before is a repeat: it changes nothing.

        Parameters
        ----------
        at
            Event time of the step (ms).
        signals
            With event times up to ``at``; those of one cause and event time are in order.

        Returns
        -------
        What opens and is resolved, in order of event time; then what is told again.

        Raises
        ------
        ValueError
            If a signal is of a later time.
        """
        if at <= self._at:
            return ()
        ordered = sorted(signals, key=lambda signal: (signal.at, signal.cause))
        if ordered and ordered[-1].at > at:
            raise ValueError(f"a signal of {ordered[-1].at} in the step of {at}")
        self._at = at
        changes = [change for signal in ordered for change in self._take(signal)]
        return (*changes, *self._renotified(at))

    def close(self, cause: Cause, at: int, text: str) -> tuple[Change, ...]:
        """Resolve an incident at once, if there is one: what it was about is there no more.

        Parameters
        ----------
        at
            Event time (ms).
        text
            Why, in a few words.
        """
        self._streaks.pop(cause, None)
        if (held := self._open.pop(cause, None)) is None:
            return ()
        by = Signal(cause, at, False, False, math.nan, held.incident.latest.bound, text)
        return (Change(Turn.RESOLVED, at, replace(held.incident, resolved_at=at), by),)

    def _take(self, signal: Signal) -> Iterator[Change]:
        rule = self._rule(signal.cause)
        if signal.samples is not None and signal.samples < rule.min_samples:
            return
        if (held := self._open.get(signal.cause)) is not None:
            yield from self._go_on(held, signal, rule)
        elif signal.is_bad:
            yield from self._begin(signal, rule)
        else:
            self._streaks.pop(signal.cause, None)

    def _begin(self, signal: Signal, rule: Hysteresis) -> Iterator[Change]:
        since = signal.at if signal.since is None else signal.since
        streak = self._streaks.setdefault(signal.cause, _Streak(0, since, 0, signal))
        streak.steps += 1
        streak.count += signal.events
        streak.worst = _worse(streak.worst, signal)
        if streak.steps < rule.bad_steps and not signal.is_severe:
            return
        del self._streaks[signal.cause]
        incident = Incident(
            signal.cause,
            streak.since,
            signal.at,
            signal,
            signal,
            streak.count,
            streak.worst.value,
            signal.at,
        )
        self._open[signal.cause] = _Open(incident, 0, self._at, streak.worst)
        yield Change(Turn.OPENED, signal.at, incident)

    def _go_on(self, held: _Open, signal: Signal, rule: Hysteresis) -> Iterator[Change]:
        held.good = held.good + 1 if signal.is_good else 0
        if signal.is_bad:
            held.worst = _worse(held.worst, signal)
            held.incident = replace(
                held.incident,
                latest=signal,
                count=held.incident.count + signal.events,
                worst=held.worst.value,
                last_at=signal.at,
            )
        if held.good >= rule.good_steps:
            del self._open[signal.cause]
            incident = replace(held.incident, resolved_at=signal.at)
            yield Change(Turn.RESOLVED, signal.at, incident, signal)

    def _renotified(self, at: int) -> Iterator[Change]:
        for cause in sorted(self._open):
            held = self._open[cause]
            if at - held.told_at >= self._rule(cause).renotify:
                held.told_at = at
                yield Change(Turn.RENOTIFIED, at, held.incident)

    def _rule(self, cause: Cause) -> Hysteresis:
        return self._rules.get(cause.rule, self._default)

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as JSON types."""
        return {
            "at": self._at,
            "streaks": [
                [one.steps, one.since, one.count, signal_parts(one.worst)]
                for _, one in sorted(self._streaks.items())
            ],
            "open": [
                [incident_parts(one.incident), one.good, one.told_at, signal_parts(one.worst)]
                for _, one in sorted(self._open.items())
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take in the state that :meth:`snapshot` returned, in place of this one.

        Raises
        ------
        KeyError, ValueError, TypeError
            If it is none.
        """
        self._at = int(state["at"])
        streaks = [
            _Streak(steps, since, count, signal_of(worst))
            for steps, since, count, worst in state["streaks"]
        ]
        held = [
            _Open(incident_of(parts), good, told_at, signal_of(worst))
            for parts, good, told_at, worst in state["open"]
        ]
        self._streaks = {one.worst.cause: one for one in streaks}
        self._open = {one.incident.cause: one for one in held}


def _worse(one: Signal, other: Signal) -> Signal:
    return other if other.excess > one.excess else one
