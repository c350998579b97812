"""Plays a policy over a stream: who answers when, what is known when, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from streamsim.benchmarks.policies.grid_steps import Grid
from streamsim.benchmarks.policies.learnt_versions import Version, Versions
from streamsim.benchmarks.policies.stream_rows import StreamRows
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Floats, Ints, Matrix

CLIP = 1e-6
"""Scores are this far from 0 and 1 at least, for the log loss."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a policy may know at a time of the grid.

    Attributes
    ----------
    step, at
        The time, by its number and in ms.
    live, live_from
        The version that answers, and since when (ms).
    known, times, scores, truth
        Rows whose labels became known since the last time, in order of that: when (ms), the event's
        time (ms), the score that it was given, and what was true. Only those which the live version
        has answered.
    arrived
        Features of the rows whose events were since the last time.
    labels, label_times
        Of all rows whose labels are known.
    """

    step: int
    at: int
    live: Version
    live_from: int
    known: Ints
    times: Ints
    scores: Floats
    truth: Ints
    arrived: Matrix
    labels: Ints
    label_times: Ints


class Policy(Protocol):
    """Decides at each time of the grid but the first."""

    def wants(self, seen: Seen) -> Version | None:
        """Return what is to be learnt now, if anything.

        A version that held out the latest events must pass the gates on them.
        """
        ...

    def answers(self, passed: Version) -> Version:
        """Return what is to answer after a version has passed the gates."""
        ...

    def ended(self, seen: Seen, taken: bool, live_from: int) -> None:
        """Hear whether what was learnt answers, and from when on (ms)."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """Learns at every k-th time; never, if k is 0."""

    k: int

    def wants(self, seen: Seen) -> Version | None:
        """See :class:`Policy`."""
        return Version(seen.step) if self.k and seen.step % self.k == 0 else None

    def answers(self, passed: Version) -> Version:
        """See :class:`Policy`."""
        return passed

    def ended(self, seen: Seen, taken: bool, live_from: int) -> None:
        """See :class:`Policy`."""


@dataclass(frozen=True, slots=True)
class Played:
    """A policy, played.

    Attributes
    ----------
    live
        The version of each period.
    learnt
        Times of the grid at which it learnt; the first model, which all have, is not counted.
    taken
        How many of these versions came to answer.
    scores, truth
        Of the judged rows, by the version of their period.
    """

    live: tuple[Version, ...]
    learnt: tuple[int, ...]
    taken: int
    scores: Floats
    truth: Ints


def play(policy: Policy, rows: StreamRows, grid: Grid, versions: Versions) -> Played:
    """Play a policy. What it decides at a time uses only labels that are known by then."""
    segment = grid.segment(rows.data.times)
    judged = np.flatnonzero(segment >= 0)
    own, known, times = segment[judged], rows.known[judged], rows.data.times[judged]
    scores, truth = np.full(len(judged), np.nan), np.full(len(judged), -1, np.int64)
    version, live_from = Version(0), grid.at(0) + grid.lead
    live: list[Version] = []
    learnt: list[int] = []
    taken, by = 0, np.full(len(judged), -1)
    for step in range(grid.count):
        if step:
            at, before = grid.at(step), grid.at(step - 1)
            new = np.flatnonzero((known > before) & (known <= at) & (by == taken))
            new = new[np.argsort(known[new], kind="stable")]
            arrived = (rows.data.times > before) & (rows.data.times <= at)
            told = rows.known <= at
            seen = Seen(
                step, at, version, live_from, known[new], times[new], scores[new], truth[new],
                rows.data.features[arrived], rows.data.labels[told], rows.data.times[told],
            )  # fmt: skip
            wanted = policy.wants(seen)
            if wanted is not None:
                learnt.append(step)
                taken_over = _takes(policy, versions, wanted, version)
                if taken_over is not None:
                    version, live_from, taken = taken_over, at + grid.lead, taken + 1
                policy.ended(seen, taken_over is not None, live_from)
        live.append(version)
        period = own == step
        said = versions.said(version)
        scores[period], truth[period] = said.scores[period], said.truth[period]
        by[period] = taken  # versions that answer are numbered by when they were taken
    return Played(tuple(live), tuple(learnt), taken, scores, truth)


def _takes(
    policy: Policy, versions: Versions, wanted: Version, champion: Version
) -> Version | None:
    """Learn a version, and return what comes to answer; ``None`` if the champion stays."""
    try:
        if wanted.held and not versions.is_better(wanted, champion):
            return None
        answering = policy.answers(wanted)
        versions.said(answering)
    except ModelError:
        return None
    return answering


def log_loss(scores: Floats, truth: Ints) -> Floats:
    """Return the log loss of each row (nats).

    >>> log_loss(np.array([0.5, 0.0]), np.array([1, 0])).round(3).tolist()
    [0.693, 0.0]
    """
    chance = np.clip(np.where(truth == 1, scores, 1 - scores), CLIP, 1)
    losses: Floats = np.abs(np.log(chance))
    return losses
