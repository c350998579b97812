"""The command line names every benchmark: it does not load them to say so."""

from __future__ import annotations

import click

from streamsim.simulator.cli import bench
from streamsim.simulator.commands.bench import BENCHMARKS


def test_every_benchmark_can_be_asked_for() -> None:
    name = bench.params[0].type
    assert isinstance(name, click.Choice)
    assert list(name.choices) == sorted(BENCHMARKS)
