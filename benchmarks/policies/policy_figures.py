"""Figures of policies: losses, regret, and their intervals over blocks of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from streamsim.benchmarks.policies.grid_steps import Grid
from streamsim.benchmarks.policies.hindsight import best_schedule, versions_of
from streamsim.benchmarks.policies.learnt_versions import Version, Versions
from streamsim.benchmarks.policies.played import Played, log_loss
from streamsim.benchmarks.policies.stream_rows import StreamRows
from streamsim.models.adapting.gates import Judged, figure_of
from streamsim.streams.events import Floats, Ints
from streamsim.streams.statistics.intervals import Interval, interval

DRAWS = 400
PARTS = 10_000
"""Scores are rounded to such parts of 1, for the metric."""


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """Figures of a policy on a stream.

    Attributes
    ----------
    learnings, taken
        How often it learnt anew, and how often what it learnt came to answer.
    loss
        Mean log loss (nats).
    lack
        1 less the domain's metric, over all judged rows.
    regret
        Log loss above that of the best schedule in hindsight.
    regret_as_often
        The same, above the best schedule that learns no more often.
    """

    name: str
    learnings: int
    taken: int
    loss: Interval
    lack: Interval
    regret: Interval
    regret_as_often: Interval

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        found: dict[str, Any] = {
            "learnings": self.learnings, "taken": self.taken,
            "loss": self.loss.as_dict(), "lack": self.lack.as_dict(),
            "regret": self.regret.as_dict(), "regret_as_often": self.regret_as_often.as_dict(),
        }  # fmt: skip
        return found


def loss_table(rows: StreamRows, grid: Grid, versions: Versions) -> Floats:
    """Return the summed log loss of the version of each time in each period, ``(count, count)``."""
    segment = grid.segment(rows.data.times)
    segment = segment[segment >= 0]
    table = np.zeros((grid.count, grid.count))
    for step in range(grid.count):
        said, later = versions.said(Version(step)), segment >= step
        losses = log_loss(said.scores[later], said.truth[later])
        table[step] = np.bincount(segment[later], losses, grid.count)
    return table


def in_hindsight(
    schedule: tuple[int, ...], rows: StreamRows, grid: Grid, versions: Versions
) -> Played:
    """Play a schedule that is known."""
    segment = grid.segment(rows.data.times)
    segment = segment[segment >= 0]
    scores, truth = np.full(len(segment), np.nan), np.full(len(segment), -1, np.int64)
    live = tuple(Version(step) for step in versions_of(schedule, grid.count))
    for step, version in enumerate(live):
        said, own = versions.said(version), segment == step
        scores[own], truth[own] = said.scores[own], said.truth[own]
    return Played(live, schedule[1:], len(schedule) - 1, scores, truth)


def figures(
    metric: str,
    played: dict[str, Played],
    losses: Floats,
    rows: StreamRows,
    grid: Grid,
    versions: Versions,
) -> list[PolicyFigures]:
    """Return the figures of policies, and at the end those of the best schedule in hindsight.

    Parameters
    ----------
    losses
        See :func:`loss_table`.
    """
    segment = grid.segment(rows.data.times)
    block = segment[segment >= 0]
    best = in_hindsight(best_schedule(losses), rows, grid, versions)
    floor = log_loss(best.scores, best.truth)
    found = []
    for name, own in {**played, "best in hindsight": best}.items():
        as_often = in_hindsight(best_schedule(losses, len(own.learnt)), rows, grid, versions)
        loss = log_loss(own.scores, own.truth)
        found.append(
            PolicyFigures(
                name,
                len(own.learnt),
                own.taken,
                mean_over_blocks(loss, block),
                lack_over_blocks(metric, own.scores, own.truth, block),
                mean_over_blocks(loss - floor, block),
                mean_over_blocks(loss - log_loss(as_often.scores, as_often.truth), block),
            )
        )
    return found


def lack_over_blocks(metric: str, scores: Floats, truth: Ints, block: Ints) -> Interval:
    """Return 1 less a metric, with its interval over whole blocks.

    Rows of a block whose scores are equal to four digits count as one with its number as weight.
    """
    place = np.unique(block, return_inverse=True)[1]
    kinds, kind = np.unique(
        np.round(scores * PARTS).astype(np.int64) * 2 + truth, return_inverse=True
    )
    n = int(place.max()) + 1
    counts = np.bincount(place * len(kinds) + kind, minlength=n * len(kinds))
    counts = counts.reshape(n, len(kinds)).astype(np.float64)
    quality = figure_of(metric, Judged(kinds // 2 / PARTS, kinds % 2, np.empty((len(kinds), 0))))
    return interval(lambda many: 1 - quality(many @ counts), np.arange(n), draws=DRAWS)


def mean_over_blocks(values: Floats, block: Ints, draws: int = 1_000) -> Interval:
    """Return the mean of rows, with its interval over whole blocks.

    >>> found = mean_over_blocks(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1]))
    >>> found.value, found.low, found.high
    (0.5, 0.0, 1.0)
    """
    place = np.unique(block, return_inverse=True)[1]
    total, count = np.bincount(place, values), np.bincount(place).astype(np.float64)
    if len(total) < 2:
        return Interval(*[float(values.mean())] * 3)
    return interval(lambda many: many @ total / (many @ count), np.arange(len(total)), draws=draws)
