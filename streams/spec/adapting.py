"""Adaptation of a model: when it learns anew from the stream, from what, and what must be better.

All times are event time (ms).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from streamsim.streams.errors import UsageError
from streamsim.streams.spec.labelling import Labels
from streamsim.streams.spec.spans import DAY


class Trigger(StrEnum):
    """What makes a model learn anew."""

    METRIC = "metric"
    """An alert about the model's metric."""
    DRIFT = "drift"
    """An alert about the distribution of features or scores, or about errors."""
    SCHEDULE = "schedule"
    """Every multiple of :attr:`Policy.every`."""
    HAND = "hand"
    """A person. No policy has to name it."""


class Window(StrEnum):
    """From which events a model learns."""

    ALL = "all"
    """All whose labels are final."""
    SLIDING = "sliding"
    """Those of the last :attr:`Policy.span`."""
    CHANGE = "change"
    """Those since the change that was noticed."""


class Action(StrEnum):
    """What is done with a challenger that has passed the gates."""

    SHADOW = "shadow"
    """It scores beside the champion, and is never acted on."""
    PROPOSE = "propose"
    """A person is told that it is better."""
    PROMOTE = "promote"
    """It becomes the champion."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When a model learns anew, from what, and what is done with a better one.

    Parameters
    ----------
    triggers
        What makes it learn; a person always can.
    every
        Time between two learnings by schedule.
    window, span
        From which events it learns. With :attr:`Window.CHANGE` the span is what it learns from
        while no change is known, and the most since a change; 0 is all.
    follow_up
        With :attr:`Window.CHANGE`: a model that was promoted after a change has seen little of what
        came with it, so it learns again each time that the events since the change have doubled,
        up to the span.
    settle
        How long after an alert it begins at the earliest: further alerts of the same cause, and an
        alert about the data's quality, often come a little later.
    patience
        How long a trigger waits for enough labels, for the cool-down and for good data, before it
        is given up; 0: for ever.
    cooldown
        Shortest time between the beginnings of two learnings. It doubles with each refused
        challenger, up to eight times, for an alert that was there before the last learning.
    budget, budget_span
        At most so many learnings begin within any such span.
    least_rows, least_positives
        Fewest labelled events, and fewest of each class, from which it learns.

    Raises
    ------
    UsageError
        If a part is missing or negative.
    """

    triggers: tuple[Trigger, ...] = (Trigger.METRIC, Trigger.DRIFT)
    every: int = 0
    window: Window = Window.ALL
    span: int = 0
    action: Action = Action.PROMOTE
    settle: int = 0
    patience: int = 0
    cooldown: int = DAY
    budget: int = 4
    budget_span: int = 30 * DAY
    least_rows: int = 2_000
    least_positives: int = 50
    follow_up: bool = True

    def __post_init__(self) -> None:
        numbers = {name: getattr(self, name) for name in _NOT_NEGATIVE}
        if wrong := [name for name, value in numbers.items() if value < 0]:
            raise UsageError(f"a policy's {wrong[0]} cannot be negative")
        if self.every <= 0 and Trigger.SCHEDULE in self.triggers:
            raise UsageError("a policy with a schedule needs every, the time between two learnings")
        if self.span <= 0 and self.window is Window.SLIDING:
            raise UsageError("a policy with a sliding window needs its span")
        if self.budget < 1 or self.budget_span < 1:
            raise UsageError("a policy needs a budget of one learning or more, and its span")
        if self.least_rows < 1 or self.least_positives < 1:
            raise UsageError("a policy needs at least one labelled event of each class")


_NOT_NEGATIVE = ("every", "span", "settle", "patience", "cooldown")


@dataclass(frozen=True, slots=True)
class Margins:
    """By how much a challenger must be better, and may be worse, than the champion.

    Parameters
    ----------
    better
        Least gain in the domain's metric. The interval of the gain must be above 0, too.
    calibration, brier
        Most loss in the expected calibration error, and in the Brier score.
    segment, segment_rows
        Most loss in the metric of any segment with so many events, unless by chance.
    estimates
        Largest ratio of the root mean square errors of each estimate.
    latency, size
        Largest ratio of the time to score 1,024 rows, and of the stored size.

    Raises
    ------
    UsageError
        If a margin is negative, or a ratio not above 0.
    """

    better: float = 0.005
    calibration: float = 0.02
    brier: float = 0.01
    segment: float = 0.05
    segment_rows: int = 300
    estimates: float = 1.1
    latency: float = 2.0
    size: float = 3.0

    def __post_init__(self) -> None:
        losses = self.better, self.calibration, self.brier, self.segment, self.segment_rows
        if min(losses) < 0 or min(self.estimates, self.latency, self.size) <= 0:
            raise UsageError(f"margins cannot be negative, and ratios must be above 0: {self}")


@dataclass(frozen=True, slots=True)
class Trial:
    """How a better challenger is tried in the stream before it becomes the champion.

    Parameters
    ----------
    shadow_for
        How long it scores in shadow (ms), counted in events whose labels are final.
    canary_for, share
        How long it then answers this share of the entities (ms, as above).
    least_rows
        Fewest events with a label that it has scored in shadow.
    most_errors
        Largest share of its batches that a version may fail to score, as shadow, as canary, and as
        a champion that the one before can stand in for.
    slowest, slow_ms
        A batch may take it so many times as long as the champion before (95th percentile); below
        so many ms no version is slow.
    least_times
        Fewest batches by which errors and latency are judged.

    Raises
    ------
    UsageError
        If a time is negative, the share is none, or a bound is none.
    """

    shadow_for: int = DAY
    canary_for: int = DAY
    share: float = 0.2
    least_rows: int = 200
    most_errors: float = 0.1
    slowest: float = 5.0
    slow_ms: float = 250.0
    least_times: int = 20

    def __post_init__(self) -> None:
        if min(self.shadow_for, self.canary_for, self.least_rows) < 0 or not 0 < self.share < 1:
            raise UsageError(f"a trial takes time, and a share of the entities: {self}")
        if not 0 <= self.most_errors < 1 or self.slowest < 1 or self.slow_ms < 0:
            raise UsageError(f"a trial's errors are a share, and its latency a ratio: {self}")
        if self.least_times < 1:
            raise UsageError("a trial is judged by at least one batch")


@dataclass(frozen=True, slots=True)
class Adaptation:
    """How a domain's model adapts to what the stream shows.

    Parameters
    ----------
    policy
        When it learns, from what, and what is done with a better model.
    margins
        What counts as better.
    trial
        How a better challenger is tried.
    warm_up
        Drift of features does not count for so long after the first event (ms): the windows of
        features are filling.
    holdout
        Share of the events, the latest, that the challenger does not learn from: on them it is
        compared with the champion.
    refit
        A challenger that is better is fitted once more, to all of the events, before it is tried:
        else what answers has not seen the latest ones.
    gap
        Events so long before those are left out: their labels became known when the later part had
        begun, and may be of the same cause. ``None``: the label delay.
    most
        Most events that it learns from and is compared on, the newest. Events whose label is
        unknown do not count.
    changes
        Parts of the signature that may differ from the champion's: ``features``, ``estimates``.

    Raises
    ------
    UsageError
        If the holdout is no share, or a number is not positive.
    """

    policy: Policy = field(default_factory=Policy)
    margins: Margins = field(default_factory=Margins)
    trial: Trial = field(default_factory=Trial)
    warm_up: int = 0
    holdout: float = 0.3
    refit: bool = True
    gap: int | None = None
    most: int = 50_000
    changes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.holdout < 1:
            raise UsageError(f"the holdout is a share between 0 and 1, not {self.holdout:g}")
        if (self.gap or 0) < 0 or self.most < 1:
            raise UsageError("an adaptation needs a gap of 0 or more, and at least one event")
        if unknown := set(self.changes) - {"features", "estimates"}:
            raise UsageError(f"a signature has no part {', '.join(sorted(unknown))} to change")
        if self.most < self.policy.least_rows:
            raise UsageError(
                f"a policy that wants {self.policy.least_rows} events cannot learn from the "
                f"newest {self.most}"
            )

    def gap_of(self, labels: Labels) -> int:
        """Return the time between the events that it learns from and the holdout (ms)."""
        return labels.delay if self.gap is None else self.gap

    def check(self, labels: Labels) -> None:
        """Refuse a span of which the gap leaves nothing to learn from.

        Raises
        ------
        UsageError
            If the span is too short.
        """
        gap, span = self.gap_of(labels), self.policy.span
        if span and (1 - self.holdout) * span <= gap:
            raise UsageError(
                f"an adaptation learns from the last {span} ms and leaves out {gap} ms before its "
                "holdout: nothing is left; a longer span or a shorter gap is needed"
            )


def by_hand(adaptation: Adaptation, settings: Iterable[str]) -> Adaptation:
    """Return an adaptation with other numbers, each given as ``name=value``.

    The names are those of the numbers of :class:`Adaptation`, :class:`Policy` and :class:`Margins`.

    >>> by_hand(Adaptation(), ["least_rows=500", "better=0.02"]).policy.least_rows
    500

    Raises
    ------
    UsageError
        If there is no such number, or the adaptation could not work.
    """
    for setting in settings:
        name, _, text = setting.partition("=")
        parts = (adaptation, adaptation.policy, adaptation.margins)
        part = next((own for own in parts if name in _numbers(own)), None)
        if part is None:
            names = ", ".join(sorted(name for own in parts for name in _numbers(own)))
            raise UsageError(f"no number {name!r} of an adaptation; there are {names}")
        try:
            value = float(text) if _numbers(part)[name] == "float" else int(text)
        except ValueError:
            raise UsageError(f"{name} is a number, not {text!r}") from None
        change: dict[str, Any] = {name: value}
        changed: Adaptation | Policy | Margins = replace(part, **change)
        if isinstance(changed, Adaptation):
            adaptation = changed
        elif isinstance(changed, Policy):
            adaptation = replace(adaptation, policy=changed)
        else:
            adaptation = replace(adaptation, margins=changed)
    return adaptation


def _numbers(part: Adaptation | Policy | Margins) -> dict[str, str]:
    """Return the names of a part's numbers, and their types."""
    named = {own.name: str(own.type) for own in fields(part)}
    return {name: kind for name, kind in named.items() if kind in ("int", "float", "int | None")}
