"""Benchmark of throughput: events per second of one worker, and a profile of its time.

It runs a domain's whole job on the embedded broker. The topics are filled first; then a worker
starts and is timed, by its own account, from its first event to its last. Every round has a stack
of its own. A last round runs under a sampling profiler and is not timed.
"""

from __future__ import annotations

import statistics
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
from streamsim.benchmarks.measuring.subject import DOMAIN, subject
from streamsim.streams.errors import StackError
from streamsim.streams.settings import Settings, read_settings
from streamsim.streams.spec import DomainSpec


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line."""

    domain: str = DOMAIN
    events: int = 300_000
    workers: int = 1
    rounds: int = 3


def run(options: Options) -> dict[str, Any]:
    """Time the rounds and profile one more; print the results and return them."""
    spec = subject(options.domain)
    settings = replace(read_settings({"workers": options.workers}), metrics_s=0.1)
    input_ = Input(spec, options.events, settings.seed)
    rounds = []
    for number in range(options.rounds):
        with loaded_stack(spec, settings, input_, options.events) as stack:
            rounds.append(time_workers(spec, stack, service_of(stack)))
        click.echo(f"round {number + 1}: {rounds[-1].as_text()}")
        if rounds[-1].unaccounted:
            raise StackError(f"{rounds[-1].unaccounted:,} records are unaccounted for")
    rates = [r.per_second for r in rounds]
    median = statistics.median(rates)
    click.echo(
        f"\n{options.workers} worker{'s' * (options.workers > 1)}, {rounds[0].events:,} events: "
        f"{median:,.0f} events/s (from {min(rates):,.0f} to {max(rates):,.0f})"
    )
    profile = profile_worker(spec, replace(settings, workers=1), input_, options.events)
    click.echo(f"\nwhere a worker's time goes\n{profile.as_text()}" if profile else _NO_PROFILER)
    return {
        "domain": spec.name,
        "events": rounds[0].events,
        "workers": options.workers,
        "events_per_second": {"median": median, "min": min(rates), "max": max(rates)},
        "cpu_s_per_100k": statistics.median(r.cpu_per_100k for r in rounds),
        "service_cpu_s_per_100k": statistics.median(r.service_cpu_per_100k for r in rounds),
        "peak_mb": max(r.peak_mb for r in rounds),
        "profile": profile.as_dict() if profile else None,
    }


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


_NO_PROFILER = "\nno profile: py-spy is not installed or lacks permission (see: py-spy --help)"
