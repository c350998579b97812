"""Figures of alarms against known changes.

They are defined as in the benchmark of Cerqueira and others (KDD 2026): an alarm is right from a
change's begin until the longest delay after its end; each right alarm counts, so F1 is of alarms.
``f1_once`` counts each change once: a detector that fires without end inside the delay gains
nothing by it. Other than there, alarms after the last change are false, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamsim.streams.events import Ints

Change = tuple[int, int]
"""Rows at which a change begins and ends; the same for a sudden one."""


@dataclass(frozen=True, slots=True)
class AlarmFigures:
    """Sums over streams.

    Attributes
    ----------
    rows
        Of all streams.
    right, wrong
        Alarms.
    found
        Changes with an alarm.
    waited
        Rows between begin and first alarm, summed over the changes that were found.
    """

    rows: int = 0
    changes: int = 0
    right: int = 0
    wrong: int = 0
    found: int = 0
    waited: int = 0

    def __add__(self, other: AlarmFigures) -> AlarmFigures:
        return AlarmFigures(
            self.rows + other.rows,
            self.changes + other.changes,
            self.right + other.right,
            self.wrong + other.wrong,
            self.found + other.found,
            self.waited + other.waited,
        )

    @property
    def missed(self) -> int:
        """Changes without an alarm."""
        return self.changes - self.found

    @property
    def episode_recall(self) -> float:
        """Share of changes with an alarm."""
        return _ratio(self.found, self.changes)

    @property
    def delay(self) -> float:
        """Mean time to detection, in rows; NaN if nothing was found."""
        return self.waited / self.found if self.found else float("nan")

    @property
    def false_per_1000(self) -> float:
        """False alarms per 1,000 rows."""
        return _ratio(1_000 * self.wrong, self.rows)

    @property
    def f1(self) -> float:
        """F1 of alarms: right ones, wrong ones, and missed changes."""
        return _ratio(2 * self.right, 2 * self.right + self.wrong + self.missed)

    @property
    def f1_once(self) -> float:
        """F1 in which each change counts once, however many alarms it had."""
        return _ratio(2 * self.found, 2 * self.found + self.wrong + self.missed)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON types."""
        return {
            "rows": self.rows,
            "changes": self.changes,
            "alarms": self.right + self.wrong,
            "missed": self.missed,
            "episode_recall": self.episode_recall,
            "delay": self.delay if self.found else None,
            "false_per_1000": self.false_per_1000,
            "f1": self.f1,
            "f1_once": self.f1_once,
        }


def judge(alarms: Ints, changes: Sequence[Change], rows: int, longest: int) -> AlarmFigures:
    """Judge the alarms of one stream.

    Parameters
    ----------
    alarms
        Rows, ascending.
    longest
        Longest delay after a change, in rows.

    Examples
    --------
    >>> found = judge(np.array([500, 1200, 1250, 2100]), [(1000, 1000), (2000, 2000)], 3000, 300)
    >>> found.right, found.wrong, found.found, found.delay, round(found.false_per_1000, 2)
    (3, 1, 2, 150.0, 0.33)
    """
    right = found = waited = 0
    for begin, end in changes:
        own = alarms[(alarms >= begin) & (alarms <= end + longest)]
        right += len(own)
        if len(own):
            found += 1
            waited += int(own[0]) - begin
    return AlarmFigures(rows, len(changes), right, len(alarms) - right, found, waited)


def at_random(
    count: int, changes: Sequence[Change], rows: int, longest: int, seed: int, draws: int = 20
) -> AlarmFigures:
    """Judge as many alarms at random rows, summed over draws."""
    draw = np.random.default_rng([seed, count])
    total = AlarmFigures()
    for _ in range(draws):
        alarms = np.sort(draw.integers(0, rows, count))
        total += judge(alarms, changes, rows, longest)
    return total


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
