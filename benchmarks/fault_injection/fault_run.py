"""One run with one fault: start the stack, inject the fault, wait for recovery, check."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streamsim.benchmarks.fault_injection import broker_faults
from streamsim.benchmarks.fault_injection.fault_load import PER_SECOND, days_of
from streamsim.benchmarks.fault_injection.fault_plan import (
    FROZEN_TWICE,
    GONE_A_MINUTE,
    Fault,
    needs_proxy,
    way_of,
)
from streamsim.benchmarks.fault_injection.faulty_stack import Target, send
from streamsim.benchmarks.fault_injection.poison import BIG, WAYS
from streamsim.benchmarks.fault_injection.proxy import Proxy
from streamsim.benchmarks.fault_injection.verdict import Verdict, check
from streamsim.producers.recording import Recorded, read_recording
from streamsim.producers.wire import partition_of
from streamsim.simulator.brokers.apache import ApacheKafka
from streamsim.simulator.brokers.broker import free_port
from streamsim.simulator.brokers.writer import Message, Writer
from streamsim.simulator.testing.replay import record_world
from streamsim.streams.settings import EMBEDDED
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import topic

WORKERS = 2
LONGER = {FROZEN_TWICE: 2.0, GONE_A_MINUTE: 4.7}
"""Factor of the load for long faults; the load of the others takes about 16 s."""
QUEUE_ROWS = {GONE_A_MINUTE: 1_000}
"""Records that a partition may hold in a worker: few enough to be full within the minute."""
POISONED = 60


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a run.

    Attributes
    ----------
    recovery_s
        Time from the fault's end until all records sent by then were finished.
    peak_mb
        Highest memory of a worker (MiB).
    waiting
        Highest number of records in the workers during the fault.
    """

    seed: int
    fault: Fault
    verdict: Verdict
    recovery_s: float
    peak_mb: float
    waiting: int


def run_fault(
    spec: DomainSpec,
    fault: Fault,
    seed: int,
    folder: Path,
    kafka: ApacheKafka | None = None,
) -> Result:
    """Run a seeded world through a stack, inject a fault, and check the outputs.

    Parameters
    ----------
    folder
        Folder for the files of the run.
    kafka
        The broker, if it is not the embedded one.

    Raises
    ------
    StackError
        If the stack does not survive the fault.
    """
    days = days_of(spec, seed, LONGER.get(fault.name, 1.0))
    options = (
        "--days", str(days), "--rate", str(PER_SECOND), "--workers", str(WORKERS),
        "--seed", str(seed), "--broker", kafka.address if kafka is not None else EMBEDDED,
    )  # fmt: skip
    pipe = broker_faults.make_pipe(folder)
    with _service(needs_proxy(fault.name), spec.model.recipe.name) as proxy:
        url = proxy.url if proxy else ""
        environment = {broker_faults.VARIABLE: str(pipe)}
        if url:
            environment["STREAMSIM_MODEL_URL"] = url
        if (rows := QUEUE_ROWS.get(fault.name)) is not None:
            environment["STREAMSIM_QUEUE_ROWS"] = str(rows)
        with Target(spec, folder, *options, environment=environment) as target:
            target.watch(fault.at_s)
            if fault.name.startswith("broker "):
                broker_faults.plant(fault.name, fault.lasts_s, target, pipe, kafka)
            else:
                _plant(fault, target, proxy, seed)
            waiting = target.most_waiting
            recovery = target.caught_up()
            report = target.end()
            peak = target.peak_mb
    recording = read_recording(target.recording_file)
    verdict = check(spec, recording, report, renews=not url)
    return Result(seed, fault, verdict, recovery, peak, waiting)


def _plant(fault: Fault, target: Target, proxy: Proxy | None, seed: int) -> None:
    """Inject a fault; return when it is over."""
    draw = random.Random(seed)
    part, _, what = fault.name.partition(" ")
    if fault.name == "poison":
        send_poison(target.spec, target.address, seed)
    elif proxy is not None:
        if part == "worker":
            send(draw.choice(target.parts("worker")), signal.SIGKILL)
        proxy.way = way_of(fault.name)
        target.watch(fault.lasts_s)
        proxy.way = None
    elif what.startswith("joins"):
        joined = target.join()
        target.watch(fault.lasts_s)
        if what.endswith("leaves"):
            joined.terminate()
        elif what.endswith("killed"):
            send(draw.choice(target.parts("worker")), signal.SIGKILL)
    elif what.startswith("frozen"):
        frozen = draw.choice(target.parts(part))
        target.freeze(frozen, fault.lasts_s)
        if fault.name == FROZEN_TWICE:  # again, at a random moment of its recovery
            target.watch(draw.uniform(0, 3))
            target.freeze(frozen, fault.lasts_s)
    else:
        number = signal.SIGTERM if what == "stopped" else signal.SIGKILL
        send(draw.choice(target.parts(part)), number)


def send_poison(spec: DomainSpec, address: str, seed: int) -> None:
    """Send invalid records among the valid events of the triggers' topic."""
    draw = random.Random(seed)
    name = topic(spec.name, spec.trigger.name)
    good = [
        r
        for r in record_world(spec, seed=seed + 1, days=days_of(spec, seed + 1, 0.03)).of(name)
        if r.key
    ]
    with Writer(address, largest=2 * BIG) as writer:
        for record in [*(_spoilt(good, draw) for _ in range(POISONED)), _big(good[0])]:
            partition = partition_of(record.key or b"", spec.partitions)
            key = b"" if record.key is None and record.value is None else record.key
            headers = [(n, b"" if v is None else v) for n, v in record.headers]
            writer.write([Message(name, partition, key, record.value, record.timestamp, headers)])


def _spoilt(good: list[Recorded], draw: random.Random) -> Recorded:
    return draw.choice(WAYS)(draw.choice(good), draw)


def _big(record: Recorded) -> Recorded:
    return record._replace(value=b"x" * BIG)


@contextmanager
def _service(wanted: bool, model: str) -> Iterator[Proxy | None]:
    """Run a model service of our own behind a proxy."""
    if not wanted:
        yield None
        return
    port = free_port()
    service = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamsim.models.serve",
            "--port",
            str(port),
            "--model",
            model,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        with Proxy(f"http://127.0.0.1:{port}") as proxy:
            yield proxy
    finally:
        service.kill()
        service.wait()
