"""Benchmark of recommendations to many users: users per second, with one process and several.

It runs ``python -m streamsim.consumers.scale``, alternating between one process and several.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from streamsim.consumers.scale.recommend_users import Job, measure
from streamsim.streams.errors import UsageError

CHECKED = 20_000
"""Users whose answers are compared with the serial ones while a process is killed."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line: events are requesting users, data is a file of MovieLens."""

    data: Path | None = None
    events: int = 100_000
    workers: int = 2
    rounds: int = 5
    seed: int = 0


def run(options: Options) -> dict[str, Any]:
    """Compare the answers, then time them; print the results and return them.

    Raises
    ------
    ExpectationError
        If an answer is missing or differs from the serial one.
    """
    if options.workers < 2:
        raise UsageError("--workers takes two or more")
    job = Job(options.events, seed=options.seed, movielens=options.data)
    few = Job(min(CHECKED, options.events), seed=options.seed, movielens=options.data)
    checked = measure(few, options.workers, check=True, kill=True, say=click.echo)
    click.echo()
    timed = measure(job, options.workers, rounds=options.rounds, say=click.echo)
    return {"checked": checked, "timed": timed}
