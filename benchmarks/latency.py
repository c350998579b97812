"""Benchmark of latency: time from a live event to its score, and a worker's processor time.

The real producer sends at a rate. The latency is from an event's ingest time in the producer to the
moment at which an independent consumer has the score. For comparison, the time until the event
itself can be read is measured with the broker alone. The first seconds are left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import click
import numpy as np
import psutil

from streamsim.benchmarks.measuring.observer import Observer, ingest_times
from streamsim.benchmarks.measuring.rounds import bare_stack, close_account, until_assigned
from streamsim.benchmarks.measuring.subject import DOMAIN, subject
from streamsim.simulator.run.stack import Stack
from streamsim.streams.errors import StackError, UsageError
from streamsim.streams.events import Floats
from streamsim.streams.settings import Settings, read_settings
from streamsim.streams.spec import DomainSpec

WARM_UP_S = 5.0
ALONE_S = 10.0
"""Duration of the measurement with the broker alone."""
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line."""

    domain: str = DOMAIN
    rates: str = "2000,10000"
    seconds: float = 30.0


def run(options: Options) -> dict[str, Any]:
    """Measure every rate; print the results and return them.

    Raises
    ------
    UsageError
        If a rate is not a number.
    """
    try:
        rates = [int(text) for text in options.rates.split(",")]
    except ValueError:
        raise UsageError(f"--rates takes numbers with commas, not {options.rates!r}") from None
    spec = subject(options.domain)
    settings = replace(read_settings(), workers=1, metrics_s=1.0)
    result = {}
    click.echo(f"{'events/s':>9}  {'':24}{'p50':>7}{'p95':>7}{'p99':>7} ms   processor, of a core")
    for rate in rates:
        alone = broker_alone(spec, settings, rate, min(ALONE_S, options.seconds))
        measured = {"broker_alone_ms": alone, **with_worker(spec, settings, rate, options.seconds)}
        result[str(rate)] = measured
        click.echo(as_text(measured))
    return result


def broker_alone(
    spec: DomainSpec, settings: Settings, rate: int, seconds: float
) -> dict[str, float]:
    """Send at a rate to a broker without workers; return percentiles of the round trip (ms)."""
    with bare_stack(spec, settings) as stack, _observer(spec, stack, scores=False) as seen:
        with _sending(stack, rate, seen) as began:
            time.sleep(seconds)
            ended = _now_ms()
        return _percentiles(seen.latencies(ingest_times(spec, stack.address), began, ended))


def with_worker(spec: DomainSpec, settings: Settings, rate: int, seconds: float) -> dict[str, Any]:
    """Send at a rate to a whole stack, and measure the arrival of the scores.

    Raises
    ------
    StackError
        If an event of the period has no score.
    """
    with bare_stack(spec, settings) as stack, _observer(spec, stack, scores=True) as seen:
        stack.start_workers()
        until_assigned(spec, stack)
        parts = {name: _process(stack, name) for name in ("worker-0", "service", "broker")}
        with _sending(stack, rate, seen) as began:
            before = {name: _cpu(process) for name, process in parts.items()}
            time.sleep(seconds)
            ended = _now_ms()
            spent = {name: _cpu(process) - before[name] for name, process in parts.items()}
        unaccounted = close_account(spec, stack)
        ingested = ingest_times(spec, stack.address)
        scores = seen.latencies(ingested, began, ended)
    events = sum(began <= time < ended for time in ingested.values())
    return {
        "rate": rate,
        "events_per_second": events / (ended - began) * 1000,
        "events": events,
        "scores": len(scores),
        "unaccounted": unaccounted,
        "score_ms": _percentiles(scores),
        "core": {name: cpu / (ended - began) * 1000 for name, cpu in spent.items()},
    }


def as_text(measured: dict[str, Any]) -> str:
    """Format the results at one rate."""
    core = ", ".join(f"{name} {share:.0%}" for name, share in measured["core"].items())
    rows = (
        ("event, the broker alone", "broker_alone_ms", ""),
        ("score, with the worker", "score_ms", core),
    )
    lines = []
    for what, key, tail in rows:
        figures = "".join(f"{measured[key][f'p{p}']:>7.1f}" for p in PERCENTILES)
        lines.append(f"{measured['events_per_second']:>9,.0f}  {what:24}{figures}      {tail}")
    if measured["unaccounted"]:
        lines.append(f"{'':11}{measured['unaccounted']:,} records are unaccounted for")
    return "\n".join(lines)


@contextmanager
def _sending(stack: Stack, rate: int, seen: Observer) -> Iterator[float]:
    """Run the stack's producer at a rate; yield the time (ms) when the warm-up is over."""
    paces = {spec.name: ("--rate", str(rate)) for spec in stack.plan.domains}
    stack.plan = replace(stack.plan, paces=paces)
    stack.start_producers()
    deadline = time.monotonic() + stack.plan.settings.ready_s
    while not len(seen):
        stack.children.check()
        if time.monotonic() > deadline:
            raise StackError("nothing comes out of the stack")
        time.sleep(0.05)
    time.sleep(WARM_UP_S)
    yield _now_ms()
    stack.children.check()
    stack.producers.stop()


def _observer(spec: DomainSpec, stack: Stack, *, scores: bool) -> Observer:
    return Observer(spec, stack.address, scores=scores)


def _percentiles(latencies: Floats) -> dict[str, float]:
    if not len(latencies):
        raise StackError("no event was seen")
    return {f"p{p}": round(float(np.percentile(latencies, p)), 2) for p in PERCENTILES}


def _process(stack: Stack, name: str) -> psutil.Process:
    return psutil.Process(stack.children.named(name).process.pid)


def _cpu(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def _now_ms() -> float:
    return time.time() * 1000
