"""Samples of a running stack, minute by minute, and the lines fitted to them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from streamsim.consumers.monitor.latency_histogram import Latencies
from streamsim.simulator.brokers.segments import BLOCK
from streamsim.simulator.report.ledger import Ledger

MIB = 1 << 20
PARTS: tuple[tuple[str, str], ...] = (
    (r"streamsim-broker", "broker"),
    (r"streamsim\.models\.serve", "service"),
    (r"streamsim\.consumers\.worker .*--worker (\d+)", "worker {}"),
    (r"simulator\.cli send (\w+)", "producer {}"),
    (r"simulator\.run\.life\.controlling", "controller"),
    (r"simulator\.standins (\S+)", "stand-in {}"),
)
"""Command lines of a stack's processes, and their names."""


def part_of(command: str) -> str | None:
    """Return the name of a process by its command line, ``None`` for a foreign one.

    >>> part_of("/usr/bin/python -m streamsim.simulator.cli send retail --broker x")
    'producer retail'
    """
    for pattern, name in PARTS:
        found = re.search(pattern, command)
        if found:
            return name.format(*found.groups())
    return None


@dataclass(frozen=True, slots=True)
class Usage:
    """One process at one moment: memory of its own (MiB), open files, processor time (s)."""

    memory_mb: float
    files: int
    cpu_s: float


@dataclass(slots=True)
class Minute:
    """What a minute ended with.

    Attributes
    ----------
    parts
        Usage by process.
    data_mb, folder_mb
        Disk space of the broker's data, and of the rest of the run's folder (MiB).
    latency_ms
        Per domain the 50th percentile of the latencies within the minute, and the 99th.
    scored
        Per domain the events scored since the beginning.
    """

    parts: dict[str, Usage] = field(default_factory=dict)
    data_mb: float = 0.0
    folder_mb: float = 0.0
    latency_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    scored: dict[str, int] = field(default_factory=dict)


class Sampler:
    """Takes samples of the stack that this process runs.

    Parameters
    ----------
    folder
        The run's folder.
    data
        The embedded broker's data in it.
    """

    def __init__(self, folder: Path, data: Path) -> None:
        self._folder, self._data = folder, data
        self._before: dict[str, dict[str, int]] = {}

    def take(self, ledgers: Mapping[str, Ledger]) -> Minute:
        """Take a sample."""
        minute = Minute(usage_of_family())
        minute.data_mb = _size(self._data) / MIB
        minute.folder_mb = _size(self._folder) / MIB - minute.data_mb
        for name, ledger in ledgers.items():
            counts = ledger.latencies().as_dict()
            minute.latency_ms[name] = _between(self._before.get(name, {}), counts)
            self._before[name] = counts
            minute.scored[name] = ledger.counts(ledger.spec.trigger.name).get("scored", 0)
        return minute


def usage_of_family() -> dict[str, Usage]:
    """Return the usage of this process, as ``supervisor``, and of a stack's processes below it."""
    own = psutil.Process()
    found = {"supervisor": _usage(own)}
    for child in own.children(recursive=True):
        try:
            name = part_of(" ".join(child.cmdline()))
            if name is not None:
                found[name] = _usage(child)
        except psutil.Error:
            continue  # it has just ended
    return found


def _usage(process: psutil.Process) -> Usage:
    with process.oneshot():
        times = process.cpu_times()
        memory = process.memory_full_info().uss / MIB
        return Usage(memory, process.num_fds(), times.user + times.system)


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_blocks * BLOCK
        except OSError:
            continue  # deleted meanwhile
    return total


def _between(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[float, float]:
    """Return the percentiles of the latencies that came between two counts."""
    seen = Latencies()
    seen.merge({bucket: count - before.get(bucket, 0) for bucket, count in after.items()})
    return seen.percentile(50), seen.percentile(99)


def growth(values: Sequence[float]) -> float:
    """Return by how much the line fitted to equally spaced values rises from first to last.

    >>> growth([1.0, 2.0, 3.0])
    2.0
    """
    if len(values) < 2:
        return 0.0
    slope = np.polynomial.polynomial.polyfit(np.arange(len(values)), values, 1)[1]
    return round(float(slope) * (len(values) - 1), 6)
