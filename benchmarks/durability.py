"""Benchmark of durable state: the same worker with a changelog, and with its state in memory.

The rounds are interleaved. There are as many entities as keys, with a few events each, so that the
state and its checkpoints are large.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from typing import Any

import click

from streamsim.benchmarks.measuring.filling import Input
from streamsim.benchmarks.measuring.rounds import Round, loaded_stack, service_of, time_workers
from streamsim.benchmarks.measuring.subject import DOMAIN, subject, world_of
from streamsim.consumers.worker.app import read_config
from streamsim.consumers.worker.app import run as run_worker
from streamsim.simulator.processes.children import Child
from streamsim.simulator.run.stack import Stack
from streamsim.streams.errors import StackError
from streamsim.streams.settings import read_settings

MODULES = {
    "written down": "streamsim.consumers.worker",
    "in memory": "streamsim.benchmarks.durability",
}
NEEDED = 0.8
"""Target: throughput with durable state, as a share of that without it."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line."""

    domain: str = DOMAIN
    keys: int = 100_000
    events: int = 300_000
    rounds: int = 3


def run(options: Options) -> dict[str, Any]:
    """Time both in turn; print the results and return them.

    Raises
    ------
    StackError
        If an account does not close.
    """
    spec = subject(options.domain)
    settings = replace(read_settings(), workers=1, metrics_s=0.1)
    click.echo(f"making the input: {options.events:,} events of {options.keys:,} keys ...")
    input_ = Input(spec, options.events, settings.seed, world_of(spec, options.keys))
    rounds: dict[str, list[Round]] = {name: [] for name in MODULES}
    for number in range(options.rounds):
        for name, module in MODULES.items():

            def start(stack: Stack, module: str = module) -> list[Child]:
                stack.start_workers(module=module)
                return stack.workers

            with loaded_stack(spec, settings, input_, options.events) as stack:
                timed = time_workers(spec, stack, service_of(stack), start)
            if timed.unaccounted:
                raise StackError(f"{name}: {timed.unaccounted:,} records are unaccounted for")
            rounds[name].append(timed)
            click.echo(f"round {number + 1}, state {name:>12}: {timed.as_text()}")
    result = summary(rounds)
    click.echo(
        f"\nwith durable state {result['throughput_left']:.2f} of the throughput without it "
        f"(at least {NEEDED} is wanted), {result['cpu_more']:+.0%} processor time"
    )
    return result


def summary(rounds: dict[str, list[Round]]) -> dict[str, Any]:
    """Return medians, and the medians of each round's ratios, as JSON types."""
    pairs = list(zip(*rounds.values(), strict=True))
    return {
        "events_per_second": {
            name: statistics.median(r.per_second for r in own) for name, own in rounds.items()
        },
        "cpu_s_per_100k": {
            name: statistics.median(r.cpu_per_100k for r in own) for name, own in rounds.items()
        },
        "throughput_left": statistics.median(a.per_second / b.per_second for a, b in pairs),
        "cpu_more": statistics.median(a.cpu_per_100k / b.cpu_per_100k - 1 for a, b in pairs),
        "needed": NEEDED,
    }


if __name__ == "__main__":
    run_worker(replace(read_config(), durable=False))
