"""Version choice: which versions of the model score an event, and which events none scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.consumers.predict.plans import Answering, Plan
from streamsim.streams.events import NO_TIME, Events, Ints, Mask
from streamsim.streams.signature import Signature

UNSCORED = -1


class VersionChoice:
    """Chooses by event time alone, so that a replay after a crash chooses the same.

    Parameters
    ----------
    champion
        Scores all events if there is no schedule; ``None`` without a model.
    schedule
        The plans of a model whose versions change.
    score_from
        Event time of the first event that is scored (ms). What is earlier warms up the state.

    Attributes
    ----------
    latest
        Signature of the champion that scored last.
    """

    def __init__(
        self, champion: Signature | None, schedule: Schedule | None, score_from: int = NO_TIME
    ) -> None:
        self.latest = champion
        self._always = None if champion is None else Plan(champion)
        self._schedule, self._score_from = schedule, score_from

    @property
    def varies(self) -> bool:
        """Whether not all events have the same plan."""
        return self._schedule is not None or self._score_from != NO_TIME

    def is_warm_up(self, events: Events) -> Mask:
        """Say which events are before the first scored one."""
        return events.event_time < self._score_from

    def numbers(self, events: Events) -> Ints:
        """Return a number of each event's plan, ``UNSCORED`` in the warm-up."""
        warm, schedule = self.is_warm_up(events), self._schedule
        known = 0 if schedule is None else schedule.numbers(events.event_time)
        return np.where(warm, UNSCORED, known)

    def answering(self, events: Events) -> Answering | None:
        """Return the versions that score these events, which have the same plan."""
        number = int(self.numbers(events.take(slice(0, 1)))[0])
        if number == UNSCORED:
            return None
        plan = self._always if self._schedule is None else self._schedule.plan(number)
        if plan is None:
            return None
        self.latest = plan.champion
        answering = plan.answering(events.entity)
        if self._schedule is None:
            return answering
        return replace(answering, since=self._schedule.begin(number))
