"""Benchmark of drivers: the same job in this driver, in stock Faust (two ways) and in a plain loop.

All call the same steps on the same input, use the same model service and write the same topics. The
comparison is of the code around the steps. The rounds are interleaved, so that a machine that gets
busier slows down all contestants. Slow contestants get fewer events; all figures are per event. A
contestant whose account does not close over every record is disqualified.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import click

from streamsim.benchmarks.measuring.filling import Input
from streamsim.benchmarks.measuring.rounds import (
    Round,
    bare_stack,
    loaded_stack,
    service_of,
    start_workers,
    time_workers,
)
from streamsim.benchmarks.measuring.subject import DOMAIN, subject
from streamsim.simulator.processes.children import Child
from streamsim.simulator.run.stack import PYTHON, Stack
from streamsim.streams.settings import Settings, read_settings
from streamsim.streams.spec import DomainSpec

OURS = "streamsim"


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to drive the job.

    Attributes
    ----------
    share
        Share of the events that it gets, so that all rounds take about the same time.
    wanted
        Target: how many times as fast this driver is to be.
    """

    name: str
    about: str
    share: float
    wanted: float | None


CONTESTANTS = (
    Contestant(OURS, "this driver: batches in Faust", 1.0, None),
    Contestant("one", "stock Faust, one event at a time", 0.008, 60.0),
    Contestant("take", "stock Faust, take(512), batched scoring", 0.15, 8.0),
    Contestant("loop", "a plain aiokafka loop, no framework", 1.0, 0.75),
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line."""

    domain: str = DOMAIN
    events: int = 200_000
    rounds: int = 3


def run(options: Options) -> dict[str, Any]:
    """Time all contestants, round after round; print the results and return them."""
    spec = subject(options.domain)
    settings = replace(read_settings(), workers=1, metrics_s=0.1)
    click.echo(f"making the input: {options.events:,} events ...")
    input_ = Input(spec, options.events, settings.seed)
    rounds: dict[str, list[Round]] = {c.name: [] for c in CONTESTANTS}
    with bare_stack(spec, settings) as host:
        settings = replace(settings, model_url=host.model_url)  # one service for them all
        for number in range(options.rounds):
            for contestant in CONTESTANTS:
                events = max(1, int(options.events * contestant.share))
                with loaded_stack(spec, settings, input_, events) as stack:
                    start = partial(_start, spec=spec, contestant=contestant)
                    timed = time_workers(spec, stack, service_of(host), start)
                rounds[contestant.name].append(timed)
                host.children.check()
                click.echo(f"round {number + 1}, {contestant.name:>9}: {timed.as_text()}")
    result = summary(rounds)
    click.echo(f"\n{as_table(result)}")
    return result


def summary(rounds: dict[str, Sequence[Round]] | dict[str, list[Round]]) -> dict[str, Any]:
    """Return medians, ranges and ratios of all contestants as JSON types."""
    result: dict[str, Any] = {}
    for contestant in CONTESTANTS:
        own = rounds[contestant.name]
        result[contestant.name] = {
            "about": contestant.about,
            "events": own[0].events,
            "events_per_second": _spread([r.per_second for r in own]),
            "cpu_s_per_100k": _spread([r.cpu_per_100k for r in own]),
            "service_cpu_s_per_100k": _spread([r.service_cpu_per_100k for r in own]),
            "peak_mb": max(r.peak_mb for r in own),
            "unaccounted": sum(r.unaccounted for r in own),
        }
    ours = result[OURS]
    for contestant in CONTESTANTS:
        entry = result[contestant.name]
        pairs = list(zip(rounds[OURS], rounds[contestant.name], strict=True))
        entry["times_as_fast"] = _spread([a.per_second / b.per_second for a, b in pairs])
        entry["times_as_thrifty"] = _spread([b.cpu_per_100k / a.cpu_per_100k for a, b in pairs])
        entry["wanted"] = contestant.wanted
        entry["qualified"] = not entry["unaccounted"] and not ours["unaccounted"]
    return result


def as_table(result: dict[str, Any]) -> str:
    """Format the comparison as text.

    The ratios say how many times as fast this driver is, by wall time and by processor time. Other
    work on the machine disturbs processor time less.
    """
    lines = [
        f"{'':12}{'events':>9}{'events/s (range)':>28}{'CPU s/100k':>12}{'service':>9}"
        f"{'MiB':>7}{'as fast':>9}{'aim':>7}{'by CPU':>9}"
    ]
    for name, entry in result.items():
        speed = entry["events_per_second"]
        span = f"{speed['median']:,.0f} ({speed['min']:,.0f}-{speed['max']:,.0f})"
        times = "" if name == OURS else f"{entry['times_as_fast']['median']:.2f} x"
        thrift = "" if name == OURS else f"{entry['times_as_thrifty']['median']:.2f} x"
        aim = "" if entry["wanted"] is None else f"{entry['wanted']:g} x"
        lines.append(
            f"{name:12}{entry['events']:>9,}{span:>28}{entry['cpu_s_per_100k']['median']:>12.2f}"
            f"{entry['service_cpu_s_per_100k']['median']:>9.2f}{entry['peak_mb']:>7,.0f}"
            f"{times:>9}{aim:>7}{thrift:>9}"
        )
        if not entry["qualified"]:
            lines.append(f"{'':12}disqualified: {entry['unaccounted']:,} records unaccounted for")
    lines += ["", *(f"{c.name:12}{c.about}" for c in CONTESTANTS)]
    return "\n".join(lines)


def _start(stack: Stack, spec: DomainSpec, contestant: Contestant) -> Sequence[Child]:
    """Start a contestant with the options of a worker."""
    if contestant.name == OURS:
        return start_workers(stack)
    settings = stack.plan.settings
    command = [
        PYTHON, "-m", "streamsim.benchmarks.contestants", contestant.name, "--domain", spec.name,
        "--broker", stack.address, "--group", stack.group,
    ]  # fmt: skip
    return [stack.children.start(contestant.name, command, _environment(settings))]


def _environment(settings: Settings) -> dict[str, str]:
    return settings.environment()


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}
