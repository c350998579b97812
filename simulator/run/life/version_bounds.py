"""Bounds of errors and latency: what a version on trial may not exceed, by what workers count.

A shadow, a canary, and a champion that has a stand-in are on trial, whoever decided so. The bounds
are numbers of the domain's :class:`Trial`. They hold for the latest batches of each version, so a
version that begins to fail late is found as soon as one that always fails.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamsim.consumers.monitor.prequential.bands import wilson
from streamsim.consumers.monitor.version_counts import Count, Part
from streamsim.streams.spec.adapting import Trial

LATEST = 200
"""Batches of a version that are judged: the latest."""
MOST_VERSIONS = 24
"""Most versions and roles whose latest batches are remembered."""
MOST_PROCESSES = 4
"""Most processes of one worker's number whose sums are remembered."""
P95 = 95


@dataclass(frozen=True, slots=True)
class Breach:
    """A bound that a version has exceeded.

    Attributes
    ----------
    why
        The reason in words.
    evidence
        The figures.
    """

    why: str
    evidence: Mapping[str, Any]


def breach(
    trial: Trial, role: str, version: str, own: Count, other: Count | None = None
) -> Breach | None:
    """Say which bound a version has exceeded, ``None`` if none or too little is known.

    Parameters
    ----------
    own, other
        What it has done, and what the version has that it is compared with, if that is known.

    Examples
    --------
    >>> seen = breach(Trial(), "canary", "4", Count(37, 90, 37, 90, why="ValueError: no"))
    >>> seen.why
    '4 failed 37 of 37 times as canary: ValueError: no'
    >>> breach(Trial(), "canary", "4", Count(37, 90, 3, 9, why="ValueError: no")) is None
    True
    """
    evidence = {
        "role": role, "version": version, "times": own.times, "failed": own.failed,
        "rows": own.rows, "failed_rows": own.failed_rows,
    }  # fmt: skip
    if own.times < trial.least_times:
        return None
    share = wilson(own.failed / own.times, own.times)
    if share.low > trial.most_errors:
        told = f"{version} failed {own.failed:,} of {own.times:,} times as {role}: {own.why}"
        return Breach(told, {**evidence, "bound": "errors", "most_errors": trial.most_errors})
    if other is None or min(own.answered, other.answered) < trial.least_times:
        return None
    p95, usual = own.percentile(P95), other.percentile(P95)
    if p95 <= max(trial.slow_ms, trial.slowest * usual):
        return None
    told = f"{version} took {p95:,.0f} ms for a batch as {role} (95 % took less), not {usual:,.0f}"
    figures = {"p95_ms": p95, "p95_ms_usual": usual, "slowest": trial.slowest}
    return Breach(told, {**evidence, **figures, "bound": "latency"})


class LatestCounts:
    """The latest batches of each version, added up from what the workers say."""

    def __init__(self) -> None:
        self._said: dict[tuple[int, int], Mapping[Part, Count]] = {}
        self._latest: dict[tuple[str, str], deque[tuple[int, Count]]] = {}

    def take(self, worker: int, began: int, counts: Mapping[Part, Count]) -> None:
        """Take the sums of a worker's process since it began (wall time, ms)."""
        before = self._said.pop((worker, began), {})
        self._said[worker, began] = counts
        # Of a process that has ended a last record may come late, and be no begin of new sums.
        known = [key for key in self._said if key[0] == worker]
        for oldest in known[:-MOST_PROCESSES]:
            del self._said[oldest]
        for part, count in sorted(counts.items()):
            added = count.minus(before.get(part, Count()))
            if added.times > 0:
                self._add(part, added)

    def _add(self, part: Part, added: Count) -> None:
        name = part.role, part.version
        latest = self._latest[name] = self._latest.pop(name, deque())  # moved to the end
        latest.append((part.since, added))
        times = sum(count.times for _, count in latest)
        while times - latest[0][1].times >= LATEST:
            times -= latest.popleft()[1].times
        if len(self._latest) > MOST_VERSIONS:
            del self._latest[next(iter(self._latest))]

    def of(self, role: str, version: str, since: int | None = None) -> Count:
        """Return the latest of a version in a role, by plans that hold from ``since`` (ms) on."""
        total = Count()
        for at, count in self._latest.get((role, version), ()):
            if since is None or at >= since:
                total = total.plus(count)
        return total
