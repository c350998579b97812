"""Benchmark of recovery: time and memory to restore the state of many keys.

A state with the given number of entities, with some events each, is written to the changelog of an
embedded broker. Another process then does the work of a worker that is assigned partitions: it
reads the changelog, restores all partitions, and processes one batch. Its time and memory are
measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from aiokafka import AIOKafkaProducer

from streamsim.benchmarks.measuring.subject import DOMAIN
from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.state.store import Columns, Parts
from streamsim.consumers.worker.changelog import Changelog
from streamsim.consumers.worker.output import BATCH_BYTES
from streamsim.producers.wire import partition_of, wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import as_records
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import new_run
from streamsim.simulator.run.stack import Stack
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import StackError, UsageError
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DAY, DomainSpec

GROUP = "recovery"
NEEDED = {"seconds": 10.0, "memory_mb": 1024.0}


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line."""

    domain: str = DOMAIN
    keys: int = 1_000_000
    rounds: int = 3


def run(options: Options) -> dict[str, Any]:
    """Write the state once, restore it in new processes; print the figures and return them.

    Raises
    ------
    UsageError
        If the domain has no windows in its state.
    StackError
        If a process does not restore the state that was written.
    """
    spec, settings = load_domain(options.domain), read_settings()
    if not spec.features.windows:
        raise UsageError(f"{spec.name} has no windows to restore; choose another --domain")
    run_ = new_run(settings, domains=[spec.name], seed=0, address=None)
    stack = Stack(Plan((spec,), settings, {}), run_, lambda text: None)
    try:
        stack.start_broker()
        rows, size = asyncio.run(_write(spec, stack.address, options.keys))
        click.echo(f"{options.keys:,} keys, {rows:,} rows, {size / 2**20:,.0f} MiB of changelog")
        rounds = [_restore(spec, stack.address, options.keys) for _ in range(options.rounds)]
    finally:
        stack.stop(settings.stop_s)
        shutil.rmtree(run_.data, ignore_errors=True)
        run_.write(ended=time.time())
    for found in rounds:
        click.echo(
            f"restored in {found['seconds']:.2f} s (read {found['read_s']:.2f}), "
            f"{found['memory_mb']:,.0f} MiB at most, {found['after_mb']:,.0f} after it"
        )
    return {"keys": options.keys, "rows": rows, "changelog_bytes": size, "rounds": rounds,
            "needed": NEEDED}  # fmt: skip


async def _write(spec: DomainSpec, address: str, keys: int) -> tuple[int, int]:
    """Write the state of ``keys`` keys, one to five events each, as full checkpoints."""
    names = [f"c{number:07}" for number in range(keys)]
    place = np.array([partition_of(name.encode(), spec.partitions) for name in names])
    draw = np.random.default_rng(1)
    count = draw.integers(1, 6, keys)
    rows = size = 0
    async with _changelog(spec, address) as log:
        await log.restore(address, range(spec.partitions), 0)
        for p in range(spec.partitions):
            own = np.flatnonzero(place == p)
            pipeline = Pipeline(spec, None, journal=True)
            repeated = np.repeat(own, count[own])
            times = spec.world.epoch + draw.integers(0, 30 * DAY, len(repeated))
            values = draw.integers(100, 50_000, len(repeated))
            cards = [names[i] for i in own.tolist()]
            past: Columns = {"key": cards, "count": count[own], "time": times, "value": values}
            for windows in pipeline.stores.windows.values():
                windows.restore(p, Parts([past]))
            content = pipeline.snapshot(p)
            assert content is not None
            await log.write({}, {p: content})
            rows += len(repeated)
            size += sum(
                c.nbytes if isinstance(c, np.ndarray) else sum(map(len, c))
                for c in content.values()
            )
    return rows, size


@asynccontextmanager
async def _changelog(spec: DomainSpec, address: str) -> AsyncIterator[Changelog]:
    producer = AIOKafkaProducer(
        bootstrap_servers=address, max_batch_size=BATCH_BYTES, max_request_size=4 << 20
    )
    await producer.start()
    try:
        yield Changelog(spec, producer, GROUP)
    finally:
        await producer.stop()


def _restore(spec: DomainSpec, address: str, keys: int) -> dict[str, Any]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "streamsim.benchmarks.recovery",
            "--domain",
            spec.name,
            "--broker",
            address,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"the state was not restored:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    if found["keys"] < keys:
        raise StackError(f"only {found['keys']:,} of {keys:,} keys were restored")
    return found


async def _take_over(spec: DomainSpec, address: str) -> dict[str, Any]:
    """Restore all partitions as a worker does, and process some events."""
    pipeline = Pipeline(spec, None, journal=True)
    began = time.monotonic()
    async with _changelog(spec, address) as log:
        contents = await log.restore(address, range(spec.partitions), 1)
        read = time.monotonic()
        for p in list(contents):
            pipeline.restore(p, contents.pop(p))
    restored = time.monotonic()
    after = _resident_mb()
    slices = world_slices(spec, 3, spec.world.options, 0.5)
    for records in as_records(spec, wire(spec, slices)):
        pipeline.push(records)
    return {
        "keys": sum(len(w) for w in pipeline.stores.windows.values()),
        "read_s": round(read - began, 3),
        "seconds": round(restored - began, 3),
        "after_mb": round(after, 1),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _resident_mb() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss / 2**20)


def main() -> None:
    """Run as the process that restores the state."""
    parser = argparse.ArgumentParser(prog="python -m streamsim.benchmarks.recovery")
    parser.add_argument("--domain", required=True)
    parser.add_argument("--broker", required=True)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(_take_over(load_domain(given.domain), given.broker))))


if __name__ == "__main__":
    main()
