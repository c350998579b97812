"""Run a contestant as a process: ``python -m streamsim.benchmarks.contestants NAME``."""

from __future__ import annotations

import argparse
import gc

from streamsim.benchmarks.contestants.bare_loop import run_loop
from streamsim.benchmarks.contestants.job import Config, Job
from streamsim.benchmarks.contestants.stock import run_stock
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.settings import read_settings


def main() -> None:
    """Run a contestant until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m streamsim.benchmarks.contestants")
    parser.add_argument("name", choices=("one", "take", "loop"))
    parser.add_argument("--domain", required=True)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--group", required=True)
    given = parser.parse_args()
    settings = read_settings()
    config = Config(given.broker, given.group, settings)
    rows = 1 if given.name == "one" else settings.max_rows
    job = Job(load_domain(given.domain), config, rows, journal=given.name == "loop")
    gc.set_threshold(50_000, 20, 100)  # as a worker has it
    if given.name == "loop":
        run_loop(job)
    else:
        run_stock(job, take=given.name == "take")


if __name__ == "__main__":
    main()
