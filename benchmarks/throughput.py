"""How many events one worker finishes per second, and where its time goes.

The whole finance job on the embedded broker: the topics are filled first; then a worker starts
and is timed, by its own account, from its first event to its last. Every round has a stack of
its own; a last one runs under a sampling profiler and is not timed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import click
import orjson
import psutil

from benchmarks.profile import Profile, read_profile, sampled
from models.registry import Registry
from producers.pace import AtOnce
from producers.send import Sender
from producers.wire import Batch, wire
from simulator.broker import end_offsets
from simulator.reading import Tail
from simulator.runs import new_run
from simulator.stack import Plan, Stack
from simulator.training import ensure_champion
from streams.clock import WallClock
from streams.errors import StackError
from streams.registry import load_domain
from streams.settings import Settings, read_settings
from streams.spec import DomainSpec
from streams.topics import METRICS, topic, topics_of

WORLD = {"cards": 5_000.0, "terminals": 5_000.0}
PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may say."""

    events: int = 300_000
    workers: int = 1
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Round:
    """One timed round.

    ``cpu_s`` and ``service_cpu_s`` are processor seconds of the workers and of the model service.
    """

    events: int
    seconds: float
    cpu_s: float
    service_cpu_s: float
    peak_mb: float

    @property
    def per_second(self) -> float:
        """Events per second."""
        return self.events / self.seconds


def run(options: Options) -> dict[str, Any]:
    """Time the rounds, profile one more, print and return what was found."""
    spec = load_domain("finance")
    settings = replace(read_settings({"workers": options.workers}), metrics_s=0.1)
    registry = Registry(settings.home_path / "registry")
    ensure_champion(spec, registry, lambda what, share: None)
    rounds = []
    for number in range(options.rounds):
        with loaded_stack(spec, settings, options.events) as stack:
            rounds.append(time_workers(spec, stack))
        click.echo(f"round {number + 1}: {_round_line(rounds[-1])}")
    rates = [r.per_second for r in rounds]
    median = statistics.median(rates)
    click.echo(
        f"\n{options.workers} worker{'s' * (options.workers > 1)}, {rounds[0].events:,} events: "
        f"{median:,.0f} events/s (from {min(rates):,.0f} to {max(rates):,.0f})"
    )
    profile = profile_worker(spec, replace(settings, workers=1), options.events)
    click.echo(f"\nwhere a worker's time goes\n{profile.as_text()}" if profile else _NO_PROFILER)
    return {
        "events": rounds[0].events,
        "workers": options.workers,
        "events_per_second": {"median": median, "min": min(rates), "max": max(rates)},
        "cpu_s_per_100k": statistics.median(r.cpu_s / r.events * 1e5 for r in rounds),
        "service_cpu_s_per_100k": statistics.median(
            r.service_cpu_s / r.events * 1e5 for r in rounds
        ),
        "peak_mb": max(r.peak_mb for r in rounds),
        "profile": profile.as_dict() if profile else None,
    }


@contextmanager
def loaded_stack(spec: DomainSpec, settings: Settings, events: int) -> Iterator[Stack]:
    """Start broker and service and fill the source topics, before any worker is there."""
    plan = Plan((spec,), settings, {})
    run = new_run(settings, domains=[spec.name], seed=settings.seed, address=None)
    stack = Stack(plan, run, lambda text: None)
    try:
        stack.start_broker()
        stack.start_service()
        stack.wait_for_service()
        sender = Sender(
            spec, stack.address, AtOnce(), WallClock(), settings.max_record, settings.send_linger_ms
        )
        sender.run(_first(events, spec, settings.seed))
        yield stack
    finally:
        stack.stop(settings.stop_s)
        run.write(ended=time.time())


def time_workers(spec: DomainSpec, stack: Stack, *prefix: str) -> Round:
    """Start the workers and wait until all is finished.

    Raises
    ------
    StackError
        If they do not finish, or not exactly what is there.
    """
    sources = [t for t in topics_of(spec) if t.role is not None]
    ends = end_offsets(stack.address, sources)
    metrics = [t for t in topics_of(spec) if t.name == topic(spec.name, METRICS)]
    service = _process(stack, "service")
    before = sum(service.cpu_times()[:2])
    began = last = 0.0
    peak = 0.0
    account: dict[int, Mapping[str, Any]] = {}
    with Tail(stack.address, metrics) as tail:
        stack.start_workers(*prefix)
        workers = [psutil.Process(child.process.pid) for child in stack.workers]
        deadline = time.monotonic() + PATIENCE_S
        while not _finished(account, ends, spec):
            for record in tail.poll(0.1):
                body = orjson.loads(record.value)
                account[body["worker"]] = body
                last = record.timestamp / 1000
                if not _scored(account, spec):
                    began = last
                if _finished(account, ends, spec):
                    break
            peak = max([peak, *(w.memory_info().rss / 2**20 for w in workers)])
            stack.children.check()
            if time.monotonic() > deadline:
                raise StackError("the workers do not finish")
        cpu = sum(sum(_whole(w)) for w in workers)
    return Round(
        _scored(account, spec), last - began, cpu, sum(service.cpu_times()[:2]) - before, peak
    )


def profile_worker(spec: DomainSpec, settings: Settings, events: int) -> Profile | None:
    """Run one worker under the profiler; ``None`` if there is none on this machine."""
    with loaded_stack(spec, settings, events) as stack:
        output = stack.run.path / "profile.txt"
        prefix = sampled(output)
        if prefix is None:
            return None
        time_workers(spec, stack, *prefix)
        for child in stack.workers:
            _end_gently(child.process.pid, settings.stop_s)
        return read_profile(output)


def _end_gently(pid: int, seconds: float) -> None:
    """Stop what runs under the profiler, so that the profiler writes down what it has seen."""
    children = psutil.Process(pid).children(recursive=True)
    for child in children:
        child.terminate()
    psutil.wait_procs([*children, psutil.Process(pid)], seconds)


def _first(events: int, spec: DomainSpec, seed: int) -> Iterator[Batch]:
    """Take as much of a world as holds so many events of the trigger."""
    counted = 0

    def more(batch: Batch) -> bool:
        nonlocal counted
        enough = counted >= events
        counted += sum(
            s == spec.trigger.name and not beat
            for s, beat in zip(batch.source, batch.heartbeat, strict=True)
        )
        return not enough

    return takewhile(more, wire(spec, spec.world(seed, {**spec.options, **WORLD}).slices()))


def _scored(account: Mapping[int, Mapping[str, Any]], spec: DomainSpec) -> int:
    return sum(
        classes["scored"]
        for body in account.values()
        for classes in body["account"][spec.trigger.name].values()
    )


def _finished(
    account: Mapping[int, Mapping[str, Any]], ends: Mapping[tuple[str, int], int], spec: DomainSpec
) -> bool:
    position = {
        (topic(spec.name, source), int(p)): offset
        for body in account.values()
        for source, offsets in body["position"].items()
        for p, offset in offsets.items()
    }
    return all(position.get(tp, 0) >= end for tp, end in ends.items())


def _process(stack: Stack, name: str) -> psutil.Process:
    return psutil.Process(stack.children.named(name).process.pid)


def _whole(process: psutil.Process) -> tuple[float, float]:
    times = process.cpu_times()
    return times.user, times.system


def _round_line(r: Round) -> str:
    return (
        f"{r.per_second:,.0f} events/s, {r.cpu_s / r.events * 1e5:.2f} CPU s per 100,000 events "
        f"(service {r.service_cpu_s / r.events * 1e5:.2f}), at most {r.peak_mb:,.0f} MiB"
    )


_NO_PROFILER = "\nno profile: py-spy is not installed or may not look (see: py-spy --help)"
