"""``streamsim doctor``: check the requirements of a stack on this machine."""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import click
import psutil

from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import embedded_command, free_port, wait_for_broker
from streamsim.simulator.run.runs import all_runs
from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.errors import StackError, StreamsimError
from streamsim.streams.settings import read_settings

NEEDED_MB = 1500
PINNED = ("faust-streaming", "aiokafka", "kafka-python")


def run_doctor() -> None:
    """Run all checks in order, and print the result of each.

    Raises
    ------
    StackError
        If a check fails (exit code 3).
    """
    failed = 0
    for name, check in CHECKS.items():
        try:
            click.echo(f"ok    {name}: {check()}")
        except (StreamsimError, OSError, ImportError) as error:
            failed += 1
            click.echo(f"FAIL  {name}: {error}")
    if failed:
        raise StackError(f"{failed} of {len(CHECKS)} checks failed")


def _python() -> str:
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        raise StackError(f"Python 3.11 to 3.13 is needed, this is {platform.python_version()}")
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _packages() -> str:
    return ", ".join(f"{name} {version(name)}" for name in PINNED)


def _settings() -> str:
    settings = read_settings()
    settings.home_path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.home_path):
        pass
    return f"read; runs and models are kept in {settings.home_path}"


def _runs() -> str:
    """Tell of the records that runs which were cut short have left."""
    short = [run for run in all_runs(read_settings()) if run.cut_short]
    if not short:
        return "none was cut short"
    files = [file for run in short for file in run.data.rglob("*") if file.is_file()]
    held = sum(file.stat().st_size for file in files) >> 20
    return (
        f"{len(short)} cut short, with {held:,} MiB of records; go on with the latest by "
        f"streamsim up --resume {short[0].name}, or delete the folders in {short[0].path.parent}"
    )


def _memory() -> str:
    available = psutil.virtual_memory().available >> 20
    if available < NEEDED_MB:
        raise StackError(f"{available} MiB available, {NEEDED_MB} are wanted")
    return f"{available:,} MiB available, {psutil.cpu_count()} processors"


def _broker() -> str:
    port = free_port()
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryFile() as output:
        command = embedded_command(port, Path(data))
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            wait_for_broker(f"127.0.0.1:{port}", 10, process)
        finally:
            process.kill()
            process.wait()
    return f"starts ({command[0]})"


def _models() -> str:
    registry = Registry(read_settings().home_path / "registry")
    ready = []
    for name in domain_names():
        spec = load_domain(name)
        champion = registry.champion(spec.model.recipe.name)
        if champion is None:
            ready.append(f"{spec.model.recipe.name} (none yet: trained when first needed)")
            continue
        registry.load(spec.model.recipe.name, champion)[1].check(spec)
        ready.append(f"{spec.model.recipe.name} {champion}")
    return ", ".join(ready)


CHECKS: dict[str, Callable[[], str]] = {
    "python": _python,
    "packages": _packages,
    "settings": _settings,
    "runs": _runs,
    "memory": _memory,
    "embedded broker": _broker,
    "models": _models,
}
