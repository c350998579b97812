"""Benchmark of faults under load: lost and doubled outputs, and the time to recover.

Every run is a stack of its own with one fault, whose kind and time depend on the seed. A checker
then reads only its topics (:mod:`streamsim.benchmarks.fault_injection.verdict`).
"""

from __future__ import annotations

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from streamsim.benchmarks.fault_injection.fault_plan import (
    FAULTS,
    Fault,
    choose_fault,
    faults_of,
    named_fault,
)
from streamsim.benchmarks.fault_injection.fault_run import Result, run_fault
from streamsim.benchmarks.measuring.subject import DOMAIN, subject
from streamsim.simulator.brokers.apache import ApacheKafka
from streamsim.streams.errors import ExpectationError, StreamsimError, UsageError
from streamsim.streams.settings import EMBEDDED
from streamsim.streams.spec import DomainSpec

RECOVER_S = 20.0
KAFKA = "kafka"
BROKERS = {EMBEDDED: (EMBEDDED,), KAFKA: (KAFKA,), "both": (EMBEDDED, KAFKA)}
"""Values of ``--broker``, each with the brokers of its runs."""

Results = Mapping[str, Sequence[Result]]
"""Results by broker."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line.

    Parameters
    ----------
    runs
        Number of runs on each broker; by default one per fault.
    fault
        Inject only this fault, in every run.
    seed
        Seed of the first run; each further run has the next one.
    broker
        ``embedded``; ``kafka``: an Apache Kafka of its own for each run; or ``both``, one after
        the other.
    """

    runs: int | None = None
    seed: int = 0
    fault: str | None = None
    broker: str = EMBEDDED
    domain: str = DOMAIN


def run(options: Options) -> dict[str, Any]:
    """Run all faults; print the table and return it.

    Raises
    ------
    ExpectationError
        If an output was lost or doubled, or a recovery took longer than the target.
    """
    if options.broker not in BROKERS:
        raise UsageError(f"--broker takes {', '.join(BROKERS)}: every run has one of its own")
    brokers = BROKERS[options.broker]
    known = [name for name in FAULTS if any(name in faults_of(broker) for broker in brokers)]
    if options.fault is not None and options.fault not in known:
        raise UsageError(f"no fault {options.fault!r}; there are: {', '.join(known)}")
    spec = subject(options.domain)
    results: dict[str, list[Result]] = {}
    failures: list[str] = []
    for broker in brokers:
        if options.fault is None or options.fault in faults_of(broker):
            if len(brokers) > 1:
                click.echo(f"on {broker}:")
            results[broker], wrong = _run_all(spec, replace(options, broker=broker))
            failures += wrong
    click.echo(f"\n{table(results)}")
    if failures:
        raise ExpectationError("\n".join(["targets missed:", *failures]))
    reports = [
        {"broker": broker, "runs": len(own), "faults": _rows(own)}
        for broker, own in results.items()
    ]
    return reports[0] if len(brokers) == 1 else {"broker": options.broker, "brokers": reports}


def _run_all(spec: DomainSpec, options: Options) -> tuple[list[Result], list[str]]:
    """Inject faults on one broker; return the results and the missed targets."""
    results: list[Result] = []
    failures: list[str] = []
    named = options.fault
    runs = options.runs or len(faults_of(options.broker))
    for seed in range(options.seed, options.seed + runs):
        fault = named_fault(named, seed) if named else choose_fault(seed, options.broker)
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            try:
                result = _run(spec, fault, seed, Path(folder), options.broker)
            except StreamsimError as error:
                failures.append(f"{fault.name}: {error}\n  {again(seed, options)}")
                click.echo(f"{seed:>4}  {fault.name:42} FAILED: {error}")
                continue
        results.append(result)
        click.echo(_line(result))
        wrong = list(result.verdict.faults)
        if result.recovery_s > RECOVER_S:
            wrong.append(f"recovery took {result.recovery_s:.1f} s")
        failures += [f"{fault.name}: {text}\n  {again(seed, options)}" for text in wrong]
    return results, failures


def _run(spec: DomainSpec, fault: Fault, seed: int, folder: Path, broker: str) -> Result:
    if broker == EMBEDDED:
        return run_fault(spec, fault, seed, folder)
    with ApacheKafka(folder / "kafka") as kafka:
        return run_fault(spec, fault, seed, folder, kafka)


def again(seed: int, options: Options) -> str:
    """Return the command that repeats a run."""
    named = f' --fault "{options.fault}"' if options.fault else ""
    broker = "" if options.broker == EMBEDDED else f" --broker {options.broker}"
    domain = "" if options.domain == DOMAIN else f" --domain {options.domain}"
    return f"again: streamsim bench faults --runs 1 --seed {seed}{named}{broker}{domain}"


def table(results: Results) -> str:
    """Format the table of faults, with a column for the broker if there are several."""

    def of_broker(text: str) -> str:
        return f"{text:10}" if len(results) > 1 else ""

    head = f"{'fault':42}{of_broker('broker')}{'runs':>5}{'events':>9}{'lost':>6}{'doubled':>9}"
    lines = [f"{head}{'repeats':>9}{'recovery s, median (most)':>28}"]
    rows = {broker: _rows(own) for broker, own in results.items()}
    for name in FAULTS:
        for broker in rows:
            if name not in rows[broker]:
                continue
            row = rows[broker][name]
            recovery = f"{row['recovery_s']['median']:.1f} ({row['recovery_s']['max']:.1f})"
            lines.append(
                f"{name:42}{of_broker(broker)}{row['runs']:>5}{row['events']:>9,}"
                f"{row['lost']:>6}{row['doubled']:>9}{row['repeats']:>9,}{recovery:>28}"
            )
    return "\n".join(lines)


def _rows(results: Sequence[Result]) -> dict[str, Any]:
    grouped: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        grouped[result.fault.name].append(result)
    return {
        name: {
            "runs": len(grouped[name]),
            "events": sum(r.verdict.events for r in grouped[name]),
            "lost": sum(r.verdict.lost for r in grouped[name]),
            "doubled": sum(r.verdict.doubled for r in grouped[name]),
            "repeats": sum(r.verdict.repeats for r in grouped[name]),
            "recovery_s": {
                "median": statistics.median(r.recovery_s for r in grouped[name]),
                "max": max(r.recovery_s for r in grouped[name]),
            },
            "peak_mb": max(r.peak_mb for r in grouped[name]),
        }
        for name in FAULTS
        if name in grouped
    }


def _line(r: Result) -> str:
    v = r.verdict
    wrong = "".join(f"\n  {text}" for text in v.faults)
    return (
        f"{r.seed:>4}  {r.fault.name:42} at {r.fault.at_s:.1f} s for {r.fault.lasts_s:.1f} s: "
        f"{v.events:,} events, {v.lost} lost, {v.doubled} doubled, {v.repeats} repeats, "
        f"recovery {r.recovery_s:.1f} s, {r.peak_mb:.0f} MiB{wrong}"
    )
