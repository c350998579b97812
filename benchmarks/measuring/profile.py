"""Profile of a worker: stack samples by py-spy, summed by step."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RATE_HZ = 250

PARTS = (
    ("collect: headers and clocks", r"consumers/collect/|parse_header_ints"),
    ("clean: duplicates", r"consumers/clean/deduplication\.py"),
    ("clean: decode and validate", r"consumers/clean/|decode_objects|parse_times"),
    ("global table", r"featurize/global_table\.py|worker/shared/"),
    ("featurize", r"consumers/featurize/|/features\.py"),
    ("write scores", r"score_batches|format_times"),
    ("alerts and reasons", r"consumers/monitor/"),
    ("call the model", r"HttpScorer|streams/inference\.py|aiohttp/"),
    ("send", r"worker/output\.py|aiokafka/producer/"),
    ("inbox to columns", r"worker/inbox\.py"),
    ("fetch", r"WholeBatches|aiokafka/consumer/|aiokafka/record/"),
    ("steps' own glue", r"consumers/core/|worker/runner\.py"),
    ("Faust and mode", r"faust/|mode/|worker/(transport|app)\.py"),
    ("Kafka connection", r"aiokafka/"),
    ("event loop", r"asyncio/|selectors\.py|uvloop"),
)
"""A sample belongs to the part of the innermost frame that matches one of these."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Samples of a worker's threads by part and by function, without waiting and start-up."""

    parts: Counter[str]
    functions: Counter[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the shares, largest first, as JSON types."""
        total = self.parts.total()
        return {
            "samples": total,
            "parts": {name: round(n / total, 4) for name, n in self.parts.most_common()},
            "functions": {n: round(c / total, 4) for n, c in self.functions.most_common(25)},
        }

    def as_text(self) -> str:
        """Format the shares as text."""
        total = self.parts.total()
        lines = [f"{n / total:7.1%}  {name}" for name, n in self.parts.most_common()]
        lines += ["", "by function"]
        lines += [f"{n / total:7.1%}  {name}" for name, n in self.functions.most_common(15)]
        return "\n".join(lines)


def sampled(output: Path) -> list[str] | None:
    """Return the command prefix that samples a process, ``None`` if py-spy is missing."""
    own = Path(sys.executable).with_name("py-spy")
    tool = str(own) if own.exists() else shutil.which("py-spy")
    if tool is None:
        return None
    trial = subprocess.run(
        [tool, "record", "-f", "raw", "-o", str(output), "--", sys.executable, "-c", "pass"],
        capture_output=True,
        check=False,
        timeout=30,
    )
    if trial.returncode != 0 and b"ermission" in trial.stderr:
        return None
    return [tool, "record", "-f", "raw", "-r", str(RATE_HZ), "-o", str(output), "--"]


def read_profile(path: Path) -> Profile:
    """Read collapsed stacks: ``outermost;...;innermost count`` per line."""
    return gather(path.read_text().splitlines())


def gather(lines: Iterable[str]) -> Profile:
    """Sum collapsed stacks by part and by function.

    >>> gather(["run (asyncio/base.py:1);decode (consumers/clean/cleaner.py:90) 3"]).parts
    Counter({'clean: decode and validate': 3})
    """
    parts: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = [re.sub(r":\d+\)$", ")", frame) for frame in reversed(stack.split(";"))]
        if frames[0].startswith("EpollSelector.select") or _starting(frames):
            continue
        parts[next((p for f in frames if (p := _part(f))), "other")] += int(count)
        functions[frames[0]] += int(count)
    return Profile(parts, functions)


def _starting(frames: list[str]) -> bool:
    return any("importlib" in f or "create_app" in f for f in frames) or "<module>" in frames[0]


def _part(frame: str) -> str | None:
    return next((name for name, pattern in PARTS if re.search(pattern, frame)), None)
