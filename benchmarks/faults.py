"""Faults of every kind under load: what was lost, what was doubled, how long recovery took.

Every run is a stack of its own with one fault, chosen and timed by its seed; a checker then reads
its topics alone (:mod:`simulator.faults.check`).
"""

from __future__ import annotations

import statistics
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from simulator.apache import ApacheKafka
from simulator.broker import EMBEDDED
from simulator.faults.plan import FAULTS, RESTARTED, Fault, make_fault, plan
from simulator.faults.run import Result, run_fault
from streams.errors import ExpectationError, StreamsimError, UsageError
from streams.registry import load_domain
from streams.spec import DomainSpec

RECOVER_S = 20.0
KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may say.

    Parameters
    ----------
    fault
        Plant only this one, in every run.
    seed
        The first run's; the others count on from it.
    broker
        ``embedded``, or ``kafka``: an Apache Kafka of its own for each run.
    """

    runs: int = len(FAULTS)
    seed: int = 0
    fault: str | None = None
    broker: str = EMBEDDED


def run(options: Options) -> dict[str, Any]:
    """Run, print the table and return it.

    Raises
    ------
    ExpectationError
        If anything was lost or doubled, or a recovery took longer than is promised.
    """
    known = [*FAULTS, *[RESTARTED] * (options.broker == KAFKA)]
    if options.broker not in (EMBEDDED, KAFKA):
        raise UsageError(f"--broker takes {EMBEDDED} or {KAFKA}: every run has one of its own")
    if options.fault is not None and options.fault not in known:
        raise UsageError(f"no fault {options.fault!r}; there are: {', '.join(known)}")
    spec = load_domain("finance")
    results: list[Result] = []
    failures: list[str] = []
    for seed in range(options.seed, options.seed + options.runs):
        durable = options.broker == KAFKA
        named = options.fault
        fault = make_fault(named, seed) if named else plan(seed, durable=durable)
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            try:
                result = _run(spec, fault, seed, Path(folder), durable)
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
    click.echo(f"\n{table(results)}")
    if failures:
        raise ExpectationError("\n".join(["not as promised:", *failures]))
    return {"broker": options.broker, "runs": len(results), "faults": _rows(results)}


def _run(spec: DomainSpec, fault: Fault, seed: int, folder: Path, durable: bool) -> Result:
    if not durable:
        return run_fault(spec, fault, seed, folder)
    with ApacheKafka(folder / "kafka") as kafka:
        return run_fault(spec, fault, seed, folder, kafka.address, kafka.restart)


def again(seed: int, options: Options) -> str:
    """Return the command that repeats a run."""
    named = f' --fault "{options.fault}"' if options.fault else ""
    broker = "" if options.broker == EMBEDDED else f" --broker {options.broker}"
    return f"again: streamsim bench faults --runs 1 --seed {seed}{named}{broker}"


def table(results: list[Result]) -> str:
    """Write the table of faults for a person."""
    head = f"{'fault':42}{'runs':>5}{'events':>9}{'lost':>6}{'doubled':>9}{'repeats':>9}"
    lines = [head + f"{'recovery s, median (most)':>28}"]
    for name, row in _rows(results).items():
        recovery = f"{row['recovery_s']['median']:.1f} ({row['recovery_s']['max']:.1f})"
        lines.append(
            f"{name:42}{row['runs']:>5}{row['events']:>9,}{row['lost']:>6}{row['doubled']:>9}"
            f"{row['repeats']:>9,}{recovery:>28}"
        )
    return "\n".join(lines)


def _rows(results: list[Result]) -> dict[str, Any]:
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
        for name in (*FAULTS, RESTARTED)
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
