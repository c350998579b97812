"""Benchmark of throughput: events per second of one worker, and a profile of its time.

It runs each domain's whole job on the embedded broker. The topics are filled first; then a worker
starts and is timed, by its own account, from its first event to its last. Every round has a stack
of its own. A last round runs under a sampling profiler and is not timed.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click
import psutil

from streamsim.benchmarks.measuring.filling import Input
from streamsim.benchmarks.measuring.profile import Profile, read_profile, sampled
from streamsim.benchmarks.measuring.rounds import (
    loaded_stack,
    service_of,
    start_workers,
    time_workers,
)
from streamsim.benchmarks.measuring.subject import subject
from streamsim.streams.domain_registry import domain_names
from streamsim.streams.errors import StackError
from streamsim.streams.settings import Settings, read_settings
from streamsim.streams.spec import DomainSpec

EVENTS = {"finance": 300_000, "logistics": 100_000, "technology": 80_000, "retail": 80_000}
FEWEST = 8_000
"""Events of a round, so that it takes a few seconds: in these domains, and in all others."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line.

    Parameters
    ----------
    domain
        The domain to time; by default all.
    events
        Events of the trigger in a round; by default those of :data:`EVENTS`.
    """

    domain: str | None = None
    events: int | None = None
    workers: int = 1
    rounds: int = 3


def run(options: Options) -> dict[str, Any]:
    """Time the rounds of each domain and profile one more; print the results, return them."""
    names = domain_names() if options.domain is None else [options.domain]
    results = []
    for name in names:
        results.append(_run(name, options))
        click.echo()
    click.echo(table(results))
    return {"domains": results} if options.domain is None else results[0]


def _run(name: str, options: Options) -> dict[str, Any]:
    spec, events = subject(name), options.events or EVENTS.get(name, FEWEST)
    settings = replace(read_settings({"workers": options.workers}), metrics_s=0.1)
    input_ = Input(spec, events, settings.seed)
    rounds = []
    for number in range(options.rounds):
        with loaded_stack(spec, settings, input_, events) as stack:
            rounds.append(time_workers(spec, stack, service_of(stack)))
        click.echo(f"{name}, round {number + 1}: {rounds[-1].as_text()}")
        if rounds[-1].unaccounted:
            raise StackError(f"{rounds[-1].unaccounted:,} records are unaccounted for")
    profile = profile_worker(spec, replace(settings, workers=1), input_, events)
    click.echo(f"where a worker's time goes\n{profile.as_text()}" if profile else _NO_PROFILER)
    rates = [r.per_second for r in rounds]
    return {
        "domain": name,
        "events": rounds[0].events,
        "workers": options.workers,
        "events_per_second": {
            "median": statistics.median(rates),
            "min": min(rates),
            "max": max(rates),
        },
        "cpu_s_per_100k": statistics.median(r.cpu_per_100k for r in rounds),
        "service_cpu_s_per_100k": statistics.median(r.service_cpu_per_100k for r in rounds),
        "peak_mb": max(r.peak_mb for r in rounds),
        "profile": profile.as_dict() if profile else None,
    }


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Format the results as a table, a row for each domain."""
    lines = [
        f"{'domain':12}{'workers':>8}{'events':>10}{'events/s, median (range)':>32}"
        f"{'CPU s/100k':>12}{'service':>9}{'MiB':>7}"
    ]
    for row in results:
        speed = row["events_per_second"]
        span = f"{speed['median']:,.0f} ({speed['min']:,.0f}-{speed['max']:,.0f})"
        lines.append(
            f"{row['domain']:12}{row['workers']:>8}{row['events']:>10,}{span:>32}"
            f"{row['cpu_s_per_100k']:>12.2f}{row['service_cpu_s_per_100k']:>9.2f}"
            f"{row['peak_mb']:>7,.0f}"
        )
    return "\n".join(lines)


def profile_worker(
    spec: DomainSpec, settings: Settings, input_: Input, events: int
) -> Profile | None:
    """Run one worker under the profiler; return ``None`` if the machine has no profiler."""
    with loaded_stack(spec, settings, input_, events) as stack:
        output = stack.run.path / "profile.txt"
        prefix = sampled(output)
        if prefix is None:
            return None
        time_workers(spec, stack, service_of(stack), lambda s: start_workers(s, *prefix))
        for child in stack.workers:
            _end_gently(child.process.pid, settings.stop_s)
        return read_profile(output)


def _end_gently(pid: int, seconds: float) -> None:
    """Stop the profiled process, so that the profiler writes its samples."""
    children = psutil.Process(pid).children(recursive=True)
    for child in children:
        child.terminate()
    psutil.wait_procs([*children, psutil.Process(pid)], seconds)


_NO_PROFILER = "no profile: py-spy is not installed or lacks permission (see: py-spy --help)"
