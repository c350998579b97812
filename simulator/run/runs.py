"""The runs under the home folder: create them, list them, find the running one.

A run's folder holds ``run.json``, ``report.json``, ``logs/``, and per topic of alerts or metrics a
file of JSON lines (``water.alerts.jsonl``). Until it has ended, ``broker/`` has the embedded
broker's data. Other commands find a running stack by ``run.json``.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import orjson
import psutil

from streamsim.streams.errors import UsageError
from streamsim.streams.settings import EMBEDDED, Settings


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its folder, and the content of ``run.json`` at the time it was read."""

    path: Path
    info: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def alive(self) -> bool:
        """Whether its supervisor still runs (and not another process with the same id)."""
        if self.info.get("ended"):
            return False
        try:
            process = psutil.Process(self.info["pid"])
            return bool(abs(process.create_time() - self.info["created"]) < 2)
        except (psutil.Error, KeyError, TypeError):
            return False

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of the run."""
        return tuple(self.info["domains"])

    @property
    def data(self) -> Path:
        """Folder of the embedded broker's data."""
        return self.path / "broker"

    @property
    def cut_short(self) -> bool:
        """Whether it was ended before its report, and can go on."""
        return not self.alive and self.unfinished

    @property
    def unfinished(self) -> bool:
        """Whether it has records and no report."""
        embedded = self.info.get("configuration", {}).get("broker") == EMBEDDED
        has_records = "started" in self.info and (self.data.is_dir() or not embedded)
        return has_records and not (self.path / "report.json").exists()

    def take_over(self) -> Run:
        """Make this process the supervisor of the run, and return the changed run."""
        own = psutil.Process()
        return self.write(pid=os.getpid(), created=own.create_time(), ended=None)

    def kept(self, topic: str) -> Path:
        """Return the file with the stored values of a topic, a line each."""
        return self.path / f"{topic}.jsonl"

    def kept_before(self, topic: str) -> Path:
        """Return the file with the values before those of :meth:`kept`."""
        return self.path / f"{topic}.before.jsonl"

    def reread(self) -> Run:
        """Read ``run.json`` again and return the run."""
        return Run(self.path, orjson.loads((self.path / "run.json").read_bytes()))

    def write(self, **changes: Any) -> Run:
        """Change ``run.json`` atomically, and return the changed run."""
        info = {**self.info, **changes}
        draft = self.path / ".run.json"
        draft.write_bytes(orjson.dumps(info, option=orjson.OPT_INDENT_2))
        draft.replace(self.path / "run.json")
        return Run(self.path, info)


def group_of(run: Run) -> str:
    """Return the consumer group of a run's workers, by which its records are told apart."""
    return f"streamsim-{run.name}"


@contextmanager
def hold(run: Run) -> Iterator[Run]:
    """Hold a run while this process supervises it, and yield it with this process in ``run.json``.

    Two supervisors must not start on the same records.

    Raises
    ------
    UsageError
        If another process holds it, or its folder cannot be written to.
    """
    with ExitStack() as held:
        try:
            lock = held.enter_context((run.path / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = run.take_over()
        except BlockingIOError:
            raise UsageError(f"run {run.name} is still running") from None
        except OSError as error:
            raise UsageError(f"cannot write to {run.path}: {error.strerror}") from None
        yield taken


def check_home(settings: Settings) -> None:
    """Refuse a home that cannot be written, before anything is built or trained in it.

    Raises
    ------
    UsageError
        With the folder, and why.
    """
    try:
        settings.home_path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=settings.home_path):
            pass
    except OSError as error:
        raise UsageError(f"cannot write to {settings.home}: {error.strerror}") from None


def named_run(settings: Settings, name: str, **info: Any) -> Run:
    """Return the run of a name; create its folder if there is none yet.

    Raises
    ------
    UsageError
        If the name is no name of a folder, or the home cannot be written.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise UsageError(f"{name!r} is no name of a run: letters, digits, - and _")
    path = settings.home_path / "runs" / name
    try:
        path.mkdir(parents=True, exist_ok=True)
        run = Run(path, info)
        return run.reread() if (path / "run.json").exists() else run.write()
    except OSError as error:
        raise UsageError(f"cannot write to {path}: {error.strerror}") from None


def new_run(settings: Settings, **info: Any) -> Run:
    """Create the folder of a new run."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = settings.home_path / "runs" / f"{stamp}-{secrets.token_hex(2)}"
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"cannot write to {settings.home}: {error.strerror}") from None
    return Run(path, info).take_over()


def all_runs(settings: Settings) -> list[Run]:
    """Return all runs, latest first."""
    runs = []
    for path in sorted((settings.home_path / "runs").glob("*/run.json"), reverse=True):
        try:
            runs.append(Run(path.parent, orjson.loads(path.read_bytes())))
        except (OSError, orjson.JSONDecodeError):
            continue
    return runs


def own_run(settings: Settings) -> Run:
    """Return the latest run that this process supervises.

    Raises
    ------
    UsageError
        If it supervises none.
    """
    for run in all_runs(settings):
        if run.info["pid"] == os.getpid() and run.alive:
            return run
    raise UsageError("this process runs no stack")


def find_run(settings: Settings, name: str | None = None) -> Run:
    """Find a run by name; without a name the running one, else the latest.

    Raises
    ------
    UsageError
        If there is no such run, or several are running and no name was given.
    """
    runs = all_runs(settings)
    if name is not None:
        named = [r for r in runs if r.name == name]
        if not named:
            raise UsageError(f"no run {name!r} in {settings.home_path / 'runs'}")
        return named[0]
    running = [r for r in runs if r.alive]
    if len(running) > 1:
        names = ", ".join(r.name for r in running)
        raise UsageError(f"several stacks are running; choose one with --run: {names}")
    if not runs:
        raise UsageError("no stack has been run here yet; start one: streamsim up")
    return (running or runs)[0]
