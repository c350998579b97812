"""Benchmark of endurance: all domains at a multiple of their own rates, sampled every minute.

A stack that can be left running takes as much memory, disk and time in its last minute as soon
after its start. A line is fitted to each series, without the warm-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import click
from rich.console import Console

from streamsim.benchmarks.measuring.endurance import Minute, Sampler, growth
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.report.run_report import as_text, unaccounted
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import own_run
from streamsim.simulator.run.supervisor import Supervisor
from streamsim.simulator.run.view import View
from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.errors import ExpectationError
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DomainSpec

WARM_UP = 0.25
"""Share of the minutes that the fitted lines leave out."""
BROKER_MB = 300.0
"""Most memory of the broker (MiB)."""
FLAT, FLAT_MB = 0.1, 16.0
"""A series is flat that rises by at most this share of its mean, or by these MiB."""
SLOWER = 1.2
"""Most latency of the last minute, as a multiple of the second minute's."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line."""

    domain: str = ""
    seconds: float = 1200.0
    times: float = 10.0
    workers: int = 1


class SoakView(View):
    """Prints a line a minute, and keeps the samples."""

    def __init__(self, console: Console, every_s: float) -> None:
        super().__init__(console)
        self._every_s = every_s
        self._sampler: Sampler | None = None
        self._due = 0.0
        self.minutes: list[Minute] = []

    def alert(self, domain: str, body: Mapping[str, Any]) -> None:
        """Print no alerts."""

    def status(self, ledgers: Mapping[str, Ledger], elapsed: float) -> None:
        """Print nothing: there is a line a minute."""

    def show(self, ledgers: Mapping[str, Ledger], elapsed: float | None) -> None:
        """Take a sample if it is due."""
        if elapsed is None:
            return
        if self._sampler is None:
            run = own_run(read_settings())
            self._sampler = Sampler(run.path, run.data)
            self._due = elapsed + self._every_s
        if elapsed >= self._due:
            self._due += self._every_s
            self.minutes.append(self._sampler.take(ledgers))
            self._line(_line(len(self.minutes), self.minutes, self._every_s))


def _line(number: int, minutes: Sequence[Minute], every_s: float) -> str:
    now, before = minutes[-1], minutes[-2] if len(minutes) > 1 else Minute()
    latency = ", ".join(f"{name} {p50:,.0f}" for name, (p50, _) in now.latency_ms.items())
    memory = sum(usage.memory_mb for usage in now.parts.values())
    cpu = sum(
        usage.cpu_s - (before.parts[name].cpu_s if name in before.parts else 0.0)
        for name, usage in now.parts.items()
    )
    rate = sum(now.scored.values()) - sum(before.scored.values())
    return (
        f"{number:>3}  {rate / every_s:>7,.0f} scores/s  memory {memory:,.0f} MiB  "
        f"processor {cpu / every_s:.2f} cores  data {now.data_mb:,.0f} MiB  p50 ms: {latency}"
    )


def run(options: Options) -> dict[str, Any]:
    """Run the stack, print a line a minute, then the table; return both.

    What has grown that must not is in ``unmet``.

    Raises
    ------
    ExpectationError
        If an account does not close.
    """
    names = [options.domain] if options.domain else domain_names()
    specs = tuple(load_domain(name) for name in names)
    settings = replace(read_settings(), workers=options.workers)
    paces = {spec.name: ("--speed", f"{own_speed(spec) * options.times:g}") for spec in specs}
    every_s = min(60.0, options.seconds / 4)
    view = SoakView(Console(highlight=False), every_s)
    with view:
        report = Supervisor(Plan(specs, settings, {}, paces), view, options.seconds).run()
    click.echo(as_text(report))
    table = series_of(view.minutes, every_s)
    click.echo("\n" + as_table(table))
    failed = unmet(table, view.minutes)
    if unaccounted(report):
        raise ExpectationError(f"{unaccounted(report):,} records are unaccounted for")
    result = {
        "every_s": every_s,
        "minutes": [asdict(minute) for minute in view.minutes],
        "series": table,
        "unmet": failed,
        "report": report,
    }
    for line in failed:
        click.echo(f"missed: {line}")
    return result


def own_speed(spec: DomainSpec) -> float:
    """Return how many times as fast as the wall clock a domain's demonstration runs."""
    return spec.world.days_per_minute * 1440


def series_of(minutes: Sequence[Minute], every_s: float) -> dict[str, dict[str, float]]:
    """Return first, last and fitted growth of every series after the warm-up."""
    warm = minutes[int(len(minutes) * WARM_UP) :]
    series: dict[str, list[float]] = {}
    for name in sorted({name for minute in warm for name in minute.parts}):
        own = [minute.parts[name] for minute in warm if name in minute.parts]
        series[f"{name}: memory, MiB"] = [usage.memory_mb for usage in own]
        series[f"{name}: files"] = [float(usage.files) for usage in own]
        steps = pairwise(own)
        series[f"{name}: processor, cores"] = [(b.cpu_s - a.cpu_s) / every_s for a, b in steps]
    series["broker's data, MiB"] = [minute.data_mb for minute in warm]
    series["rest of the run's folder, MiB"] = [minute.folder_mb for minute in warm]
    for name in warm[-1].latency_ms if warm else ():
        series[f"{name}: latency p50, ms"] = [minute.latency_ms[name][0] for minute in warm]
        series[f"{name}: latency p99, ms"] = [minute.latency_ms[name][1] for minute in warm]
    return {
        name: {
            "first": round(values[0], 3),
            "last": round(values[-1], 3),
            "growth": round(growth(values), 3),
        }
        for name, values in series.items()
        if values
    }


def as_table(table: Mapping[str, Mapping[str, float]]) -> str:
    """Format the series as text."""
    lines = [f"{'after the warm-up':44}{'first':>10}{'last':>10}{'growth':>10}"]
    for name, row in table.items():
        lines.append(
            f"{name:44}{row['first']:>10,.2f}{row['last']:>10,.2f}{row['growth']:>+10,.2f}"
        )
    return "\n".join(lines)


def unmet(table: Mapping[str, Mapping[str, float]], minutes: Sequence[Minute]) -> list[str]:
    """Return what grows that must not."""
    failed = []
    for name, row in table.items():
        mean = (row["first"] + row["last"]) / 2
        if name.endswith("memory, MiB") and row["growth"] > max(FLAT * mean, FLAT_MB):
            failed.append(f"{name.partition(':')[0]} grew by {row['growth']:.0f} MiB")
        if name.endswith("files") and row["growth"] > max(FLAT * mean, 5):
            failed.append(f"{name.partition(':')[0]} opened {row['growth']:.0f} more files")
    broker = [minute.parts["broker"].memory_mb for minute in minutes if "broker" in minute.parts]
    if broker and max(broker) > BROKER_MB:
        failed.append(f"the broker took {max(broker):.0f} MiB")
    if len(minutes) > 2:
        for name, (last, _) in minutes[-1].latency_ms.items():
            second = minutes[1].latency_ms[name][0]
            if second and last > SLOWER * second:
                failed.append(f"{name}: latency {last:.0f} ms, in the second minute {second:.0f}")
    return failed
