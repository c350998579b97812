"""One timed round: fill the topics, then time a worker from its first event to its last.

Any worker can be timed that publishes its account and positions to ``<domain>.metrics`` several
times a second. The clock starts with the last account that has counted nothing yet. It ends with
the first account whose positions have reached the end of all sources.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from streamsim.benchmarks.measuring.filling import Input
from streamsim.consumers.state.account import SCORED
from streamsim.consumers.worker.worker_metrics import read_worker_metrics
from streamsim.simulator.brokers.broker import end_offsets
from streamsim.simulator.processes.children import Child
from streamsim.simulator.reading import Tail
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import new_run
from streamsim.simulator.run.stack import Stack
from streamsim.streams.errors import StackError
from streamsim.streams.settings import Settings
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import METRICS, SCORES, TopicSpec, topic, topics_of

PATIENCE_S = 600.0
SETTLE_S = 10.0
"""Longest time that the last scores may take to reach the broker."""

Account = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Round:
    """One timed round.

    Attributes
    ----------
    cpu_s, service_cpu_s
        Processor seconds of the workers and of the model service, while the clock ran.
    unaccounted
        Number of missing or surplus source records and scores; 0 if the account closes.
    """

    events: int
    seconds: float
    cpu_s: float
    service_cpu_s: float
    peak_mb: float
    unaccounted: int

    @property
    def per_second(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    @property
    def cpu_per_100k(self) -> float:
        """Processor seconds of the workers per 100,000 events."""
        return self.cpu_s / self.events * 1e5

    @property
    def service_cpu_per_100k(self) -> float:
        """Processor seconds of the service per 100,000 events."""
        return self.service_cpu_s / self.events * 1e5

    def as_text(self) -> str:
        """Format the round as one line."""
        return (
            f"{self.per_second:,.0f} events/s, {self.cpu_per_100k:.2f} CPU s per 100,000 events "
            f"(service {self.service_cpu_per_100k:.2f}), at most {self.peak_mb:,.0f} MiB"
        )


@contextmanager
def loaded_stack(
    spec: DomainSpec, settings: Settings, input_: Input, events: int
) -> Iterator[Stack]:
    """Start broker and model service and fill the source topics, before any worker starts."""
    with bare_stack(spec, settings) as stack:
        input_.fill(stack.address, events)
        yield stack


@contextmanager
def bare_stack(spec: DomainSpec, settings: Settings) -> Iterator[Stack]:
    """Start broker and model service, with empty topics."""
    run = new_run(settings, domains=[spec.name], seed=settings.seed, address=None)
    stack = Stack(Plan((spec,), settings, {}), run, lambda text: None)
    try:
        stack.start_broker()
        stack.start_service()
        stack.wait_for_service()
        yield stack
    finally:
        stack.stop(settings.stop_s)
        shutil.rmtree(run.data, ignore_errors=True)
        run.write(ended=time.time())


def start_workers(stack: Stack, *prefix: str) -> Sequence[Child]:
    """Start the stack's own workers."""
    stack.start_workers(*prefix)
    return stack.workers


def time_workers(
    spec: DomainSpec,
    stack: Stack,
    service: psutil.Process,
    start: Callable[[Stack], Sequence[Child]] = start_workers,
) -> Round:
    """Start workers, and time them until all records are finished.

    Raises
    ------
    StackError
        If they do not finish in time.
    """
    ends = _ends(spec, stack)
    began = last = cpu = service_cpu = peak = 0.0
    account: dict[int, Mapping[str, Any]] = {}
    with Tail(stack.address, _metrics(spec)) as tail:
        workers = [psutil.Process(child.process.pid) for child in start(stack)]
        deadline = time.monotonic() + PATIENCE_S
        while not _finished(account, ends, spec):
            for record in tail.poll(0.1):
                body = read_worker_metrics(record.value)
                if body is None:
                    continue
                account[body["worker"]] = body
                last = record.timestamp / 1000
                if not _counted(account):
                    began, cpu, service_cpu = last, _cpu(workers), _cpu([service])
                if _finished(account, ends, spec):
                    break
            peak = max([peak, *(w.memory_info().rss / 2**20 for w in workers)])
            stack.children.check()
            if time.monotonic() > deadline:
                raise StackError("the workers do not finish")
        if not began:
            raise StackError("the workers had counted events in their first account")
        cpu, service_cpu = _cpu(workers) - cpu, _cpu([service]) - service_cpu
    missing = _unaccounted(spec, stack, ends, account)
    return Round(_scored(account, spec), last - began, cpu, service_cpu, peak, missing)


def until_assigned(spec: DomainSpec, stack: Stack) -> None:
    """Wait until the workers own all partitions of all sources."""
    _await_account(spec, stack, lambda account: _assigned(account) == _partitions(spec))


def close_account(spec: DomainSpec, stack: Stack) -> int:
    """Wait until the workers have finished all sources; return the unaccounted records."""
    ends = _ends(spec, stack)
    account = _await_account(spec, stack, lambda account: _finished(account, ends, spec))
    return _unaccounted(spec, stack, ends, account)


def _await_account(spec: DomainSpec, stack: Stack, enough: Callable[[Account], bool]) -> Account:
    account: dict[int, Mapping[str, Any]] = {}
    deadline = time.monotonic() + PATIENCE_S
    with Tail(stack.address, _metrics(spec)) as tail:
        while not enough(account):
            for record in tail.poll(0.1):
                body = read_worker_metrics(record.value)
                if body is not None:
                    account[body["worker"]] = body
            stack.children.check()
            if time.monotonic() > deadline:
                raise StackError("the workers do not reach the expected account in time")
    return account


def service_of(stack: Stack) -> psutil.Process:
    """Return the process of a stack's own model service."""
    return psutil.Process(stack.children.named("service").process.pid)


def _ends(spec: DomainSpec, stack: Stack) -> Mapping[tuple[str, int], int]:
    return end_offsets(stack.address, [t for t in topics_of(spec) if t.role is not None])


def _metrics(spec: DomainSpec) -> Sequence[TopicSpec]:
    return [t for t in topics_of(spec) if t.name == topic(spec.name, METRICS)]


def _partitions(spec: DomainSpec) -> int:
    return spec.partitions * len(spec.inputs.sources)


def _assigned(account: Account) -> int:
    return sum(len(p) for body in account.values() for p in body["assigned"].values())


def _scored(account: Account, spec: DomainSpec) -> int:
    return sum(
        classes[SCORED]
        for body in account.values()
        for classes in body["account"][spec.trigger.name].values()
    )


def _unaccounted(
    spec: DomainSpec, stack: Stack, ends: Mapping[tuple[str, int], int], account: Account
) -> int:
    records = abs(sum(ends.values()) - _counted(account))
    return records + _missing_scores(spec, stack, _scored(account, spec))


def _missing_scores(spec: DomainSpec, stack: Stack, scored: int) -> int:
    """Return how many counted scores the broker lacks, after waiting for the last ones."""
    scores = [t for t in topics_of(spec) if t.name == topic(spec.name, SCORES)]
    deadline = time.monotonic() + SETTLE_S
    while True:
        missing = abs(scored - sum(end_offsets(stack.address, scores).values()))
        if not missing or time.monotonic() > deadline:
            return missing
        time.sleep(0.2)


def _counted(account: Account) -> int:
    """Count the records in any class, heartbeats included."""
    return sum(
        sum(classes.values())
        for body in account.values()
        for partitions in body["account"].values()
        for classes in partitions.values()
    )


def _finished(account: Account, ends: Mapping[tuple[str, int], int], spec: DomainSpec) -> bool:
    position = {
        (topic(spec.name, source), int(p)): offset
        for body in account.values()
        for source, offsets in body["position"].items()
        for p, offset in offsets.items()
    }
    return all(position.get(tp, 0) >= end for tp, end in ends.items())


def _cpu(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in processes)
