"""Decides when a model learns anew, by a policy and by event time alone.

Alerts that come while others wait, or while a model learns, have one cause: they cause one
learning. An alert that lasts after a refused challenger is to be signalled again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, TypeAlias

from streamsim.models.adapting.bad_data import BadData
from streamsim.models.adapting.requests import (
    EVER,
    Ended,
    Note,
    Pending,
    Request,
    Signal,
    request_id,
)
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec.adapting import Policy, Trigger, Window

Count: TypeAlias = Callable[[int, int], tuple[int, int]]
"""``(since, until) -> labelled events, and those of the rarer class`` of a period."""
CAUSES = 5
"""Most causes that a request names."""
MOST_DOUBLINGS = 3
"""How often the cool-down is doubled at most, while learning anew does not help."""
GROWN = "twice as many events since the change"
"""Cause of a learning after a promotion."""
_ALERTS = Trigger.METRIC, Trigger.DRIFT


class Decider:
    """Decides when a model learns anew.

    Parameters
    ----------
    delay
        How long after its event a label is final (ms).

    Attributes
    ----------
    running
        The request that is worked on, if any.
    waits_for
        Why the waiting signals do not begin a learning yet, after :meth:`due`; empty if none waits.
    """

    def __init__(self, policy: Policy, delay: int) -> None:
        self.policy, self._delay = policy, delay
        self.running: Request | None = None
        self.waits_for = ""
        self._again = False
        self._signals: list[Signal] = []
        self._bad = BadData()
        self._begun: list[int] = []
        self._number = 0
        self._now = self._cut = self._change = NO_TIME
        self._covered = self._grown = NO_TIME
        self._refused = 0
        self._notes: list[Note] = []

    def signal(self, signal: Signal) -> None:
        """Take a reason to learn anew."""
        if signal.trigger not in (Trigger.HAND, *self.policy.triggers):
            self._note(
                signal.at, f"{signal.trigger}: {signal.cause}", "the policy does not name it"
            )
            return
        for place, own in enumerate(self._signals):
            if (own.trigger, own.cause) == (signal.trigger, signal.cause):
                since = max(self._onset(own), self._onset(signal))
                told = own.since is not None or signal.since is not None
                self._signals[place] = replace(own, since=since if told else None)
                return
        self._signals.append(signal)

    def block(self, cause: str, since: int) -> None:
        """Learn from no event from this time on, until :meth:`unblock`."""
        self._bad.begin(cause, since)

    def unblock(self, cause: str, until: int) -> None:
        """Learn from events from this time on again, if there is no other cause against it."""
        self._bad.end(cause, until)

    def due(self, at: int, count: Count | None = None) -> Request | None:
        """Return the request that is to be worked on from this time on, if there is one.

        There is no other one until :meth:`done` is called with its id. A request that has no
        outcome after a restart is returned once more, and then given up.

        Parameters
        ----------
        at
            Time up to which all events are scored and all labels are there (ms).
        count
            Counts labelled events; by default the learning itself finds out that they are too few.
        """
        now = self._now = max(at, self._now)
        if self.running is not None:
            return self._once_more(now)
        self._schedule(now)
        self._grow(now)
        self._sift(now)
        self.waits_for = ""
        if not self._signals:
            return None
        pending = Pending(tuple(self._signals))
        request = self._request(pending, now)
        self.waits_for = self._obstacle(pending, request, now, count)
        if self.waits_for:
            if self.policy.patience and now - pending.at > self.policy.patience:
                self._note(now, "given up: " + self._signals[0].cause, self.waits_for)
                self._signals, self.waits_for = [], ""
            return None
        self._signals, self.running = [], request
        self._change = max(self._change, self._change if pending.since is None else pending.since)
        self._number += 1
        self._begun = [own for own in self._begun if own > now - self._memory] + [now]
        return request

    def done(self, request: str, ended: Ended, live_from: int | None = None) -> None:
        """Take the outcome of the running request; any other is ignored.

        Parameters
        ----------
        live_from
            From when on the challenger answers, if it does (ms): signals about earlier events say
            nothing of it.
        """
        if self.running is None or self.running.id != request:
            return
        if ended is Ended.DIED:
            self._again = True
            return
        begun = self.running.at
        if ended is Ended.BETTER or GROWN in self.running.causes:
            self._grown = self.running.until
        self._refused += ended is Ended.REFUSED
        if ended is Ended.BETTER:
            self._covered, self._refused = begun if live_from is None else live_from, 0
        else:  # what came meanwhile is of the same cause: it comes again if it lasts
            self._signals = [
                signal
                for signal in self._signals
                if signal.trigger not in _ALERTS
                or (signal.since is not None and signal.since >= begun)
            ]
        self.running, self._again = None, False

    def notes(self) -> tuple[Note, ...]:
        """Return what was decided against since the last call."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def snapshot(self) -> dict[str, Any]:
        """Return all that it remembers, as JSON types."""
        return {
            "running": None if self.running is None else self.running.as_dict(),
            "signals": [asdict(signal) for signal in self._signals],
            "bad": self._bad.snapshot(),
            "notes": [asdict(note) for note in self._notes],
            "begun": list(self._begun),
            **{name: getattr(self, f"_{name}") for name in _PLAIN},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Restore a snapshot. Its running request counts as ended without an outcome.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is no snapshot.
        """
        running = data["running"]
        self.running = None if running is None else Request.from_dict(running)
        self._signals = [Signal(**{**own, "trigger": Trigger(own["trigger"])})
                         for own in data["signals"]]  # fmt: skip
        self._bad.restore(data["bad"])
        self._notes = [Note(**own) for own in data["notes"]]
        self._begun = [int(own) for own in data["begun"]]
        for name in _PLAIN:
            setattr(self, f"_{name}", int(data[name]))
        self._again = self.running is not None

    @property
    def _memory(self) -> int:
        return max(self.policy.budget_span, self.policy.cooldown << MOST_DOUBLINGS)

    def _once_more(self, now: int) -> Request | None:
        """Return a request whose first attempt had no outcome; give it up after the second."""
        assert self.running is not None
        if not self._again:
            return None
        self._again = False
        if self.running.attempt > 1:
            self._note(now, f"request {self.running.id} is given up", "it was ended twice")
            self.running = None
            return None
        self.running = replace(self.running, attempt=self.running.attempt + 1)
        return self.running

    def _schedule(self, now: int) -> None:
        """Add a signal if a multiple of the policy's time has passed; several are one."""
        if Trigger.SCHEDULE not in self.policy.triggers:
            return
        cut = now - now % self.policy.every
        if self._cut != NO_TIME and cut > self._cut:
            self._signals.append(Signal(Trigger.SCHEDULE, cut, "the schedule"))
        self._cut = max(cut, self._cut)

    def _grow(self, now: int) -> None:
        """Add a signal if the events since a change are twice those that were learnt from."""
        policy, change = self.policy, self._change
        if not (policy.follow_up and policy.window is Window.CHANGE):
            return
        if NO_TIME in (self._grown, change):
            return
        learnt = self._grown - change
        if learnt <= 0 or (policy.span and learnt >= policy.span):
            self._grown = NO_TIME
        elif now - self._delay - change >= 2 * learnt:
            self._signals.append(Signal(Trigger.SCHEDULE, now, GROWN))
            self._grown = NO_TIME

    def _sift(self, now: int) -> None:
        """Drop alerts about events that bad data explain, or that the last challenger has seen."""
        kept = []
        for signal in self._signals:
            what, onset = f"{signal.trigger}: {signal.cause}", self._onset(signal)
            bad = self._bad.cause_at(onset)
            if signal.trigger not in _ALERTS:
                kept.append(signal)
            elif bad is not None:
                self._note(now, what, f"the data are bad: {bad}")
            elif not self._is_news(signal):
                self._note(now, what, "it is about events before the model that answers now")
            else:
                kept.append(signal)
        self._signals = kept

    def _onset(self, signal: Signal) -> int:
        """Return when the events begin that a signal is about."""
        if signal.since is not None:
            return signal.since
        return signal.at - self._delay if signal.trigger is Trigger.METRIC else signal.at

    def _is_news(self, signal: Signal) -> bool:
        return self._onset(signal) >= self._covered

    def _obstacle(self, pending: Pending, request: Request, now: int, count: Count | None) -> str:
        """Return why signals do not begin a learning now; empty if they do."""
        policy = self.policy
        if now < pending.at + policy.settle:
            return "further alerts of the same cause"
        if self._bad.open is not None:
            return f"good data: {self._bad.open}"
        if self._begun and now < self._begun[-1] + self._cooldown(pending):
            return "the cool-down"
        if sum(own > now - policy.budget_span for own in self._begun) >= policy.budget:
            return "the budget"
        if request.until <= request.since:
            return "final labels"
        if count is None:
            return ""
        rows, fewest = count(request.since, request.until)
        for begin, end in request.without:
            less, rarer = count(begin, end)
            rows, fewest = rows - less, fewest - rarer
        if rows < policy.least_rows:
            return f"labels: {rows} of {policy.least_rows}"
        if fewest < policy.least_positives:
            return f"labels of the rarer class: {fewest} of {policy.least_positives}"
        return ""

    def _cooldown(self, pending: Pending) -> int:
        """Return the cool-down: longer each time for what an earlier learning did not cure."""
        is_old = pending.since is not None and pending.since < self._begun[-1]
        return self.policy.cooldown << (min(self._refused, MOST_DOUBLINGS) if is_old else 0)

    def _request(self, pending: Pending, now: int) -> Request:
        """Return the request that these signals would be now."""
        policy, until = self.policy, now - self._delay
        since = EVER
        if policy.window is not Window.ALL and policy.span:
            since = until - policy.span
        if policy.window is Window.CHANGE:
            change = self._change if pending.since is None else pending.since
            since = max(since, change)
        causes = dict.fromkeys(signal.cause for signal in pending.signals)
        return Request(
            request_id(self._number + 1, now),
            tuple(dict.fromkeys(signal.trigger for signal in pending.signals)),
            tuple(causes)[:CAUSES],
            now,
            since,
            until,
            now,
            self._bad.within(since, until),
        )

    def _note(self, at: int, what: str, why: str) -> None:
        self._notes.append(Note(at, what, why))


_PLAIN = ("number", "now", "cut", "change", "covered", "grown", "refused")
