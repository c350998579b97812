"""Pressure: at what part of their speed the domains run, and which process holds them back."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import psutil

from streamsim.producers.resume import Progress

WINDOW_MS = 10_000
"""Wall time over which speed is measured."""
BUSY = 0.8
"""A process with at least this share of a core, or a machine with this share of all, is busy."""
HELD = 0.95
"""A domain with a lower share of its speed has fallen behind."""


class Held:
    """The share of its speed that a domain runs at, from its producer's progress.

    >>> held = Held()
    >>> for at, behind in ((0, 0), (5_000, 0), (10_000, 2_500)):
    ...     held.note(Progress(at_ms=at, behind_ms=behind))
    >>> held.share
    0.75
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque()

    def note(self, progress: Progress) -> None:
        """Take the progress; the same one counts once."""
        now = progress.at_ms, progress.behind_ms
        if self._seen and now[0] <= self._seen[-1][0]:
            return
        if self._seen and now[1] < self._seen[-1][1]:
            self._seen.clear()  # the producer was started again
        self._seen.append(now)
        while len(self._seen) > 2 and self._seen[1][0] <= now[0] - WINDOW_MS:
            self._seen.popleft()

    @property
    def share(self) -> float:
        """The share over the last seconds; 1 as long as nothing is known."""
        if len(self._seen) < 2:
            return 1.0
        (begun, before), (now, behind) = self._seen[0], self._seen[-1]
        return max(0.0, 1 - (behind - before) / (now - begun))


@dataclass(frozen=True, slots=True)
class Load:
    """Processor time of a stack's processes between two looks, as shares of a core."""

    shares: Mapping[str, float]
    cores: int
    busy: float
    """Cores that were busy in all, also with other programs."""

    def bottleneck(self) -> str:
        """Say in words which process holds the stack back.

        >>> Load({"worker-0": 0.97, "broker": 0.2}, 2, 1.3).bottleneck()
        'worker-0 has a core for itself and needs more (97 %)'
        >>> Load({"worker-0": 0.6, "broker": 0.3}, 2, 1.9).bottleneck()
        'all 2 cores are busy; of this stack worker-0 takes most (60 %), then broker (30 %)'
        >>> Load({"worker-0": 0.4}, 2, 0.5).bottleneck()
        'no process is busy: the workers wait for an answer'
        """
        ranked = sorted(self.shares.items(), key=lambda one: -one[1])
        shown = [(name, f"{100 * share:.0f} %") for name, share in ranked[:2]]
        if shown and self.busy >= BUSY * self.cores:
            (name, most), *others = shown
            rest = "".join(f", then {other} ({share})" for other, share in others)
            return (
                f"all {self.cores} cores are busy; of this stack {name} takes most ({most}){rest}"
            )
        if shown and ranked[0][1] >= BUSY:
            return f"{shown[0][0]} has a core for itself and needs more ({shown[0][1]})"
        return "no process is busy: the workers wait for an answer"


class LoadMeter:
    """Measures the processor time of processes between two calls of :meth:`take`."""

    def __init__(self) -> None:
        self._before: dict[int, float] = {}
        self._system = psutil.cpu_times()
        self._cores = os.cpu_count() or 1

    def take(self, processes: Iterable[tuple[str, int]]) -> Load:
        """Return the load since the last call, of processes by name and id."""
        system, before = psutil.cpu_times(), self._system
        idle = (system.idle - before.idle) + getattr(system, "iowait", 0.0)
        idle -= getattr(before, "iowait", 0.0)
        seconds = (sum(system) - sum(before)) / self._cores or 1.0
        shares: dict[str, float] = {}
        spent: dict[int, float] = {}
        for name, pid in processes:
            try:
                times = psutil.Process(pid).cpu_times()
            except psutil.Error:
                continue  # it has just ended
            spent[pid] = times.user + times.system
            shares[name] = (spent[pid] - self._before.get(pid, spent[pid])) / seconds
        self._before, self._system = spent, system
        return Load(shares, self._cores, self._cores - idle / seconds)


class Pressure:
    """Watches at what part of their speed the domains run, and says what holds them back, once.

    Parameters
    ----------
    warn
        Called with the message.
    """

    def __init__(self, domains: Iterable[str], warn: Callable[[str], None]) -> None:
        self._held = {name: Held() for name in domains}
        self._warn, self._said = warn, set[str]()
        self._meter = LoadMeter()

    def look(
        self, processes: Iterable[tuple[str, int]], progress: Callable[[str], Progress]
    ) -> dict[str, float]:
        """Return each domain's share, from its producer's progress."""
        load = self._meter.take(processes)
        for name, held in self._held.items():
            held.note(progress(name))
            if held.share < HELD and name not in self._said:
                self._said.add(name)
                self._warn(
                    f"{name} runs at {100 * held.share:.0f} % of its speed, so that scores do not "
                    f"come later and later: {load.bottleneck()}"
                )
        return {name: held.share for name, held in self._held.items()}
