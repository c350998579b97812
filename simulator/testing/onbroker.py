"""Replay a recording on a real stack: broker, model service, Faust workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from streamsim.producers.recording import Recording, read_recording, write_recording
from streamsim.simulator.testing.outcome import Outcome
from streamsim.simulator.testing.reading_outcome import make_outcome
from streamsim.streams.errors import StackError
from streamsim.streams.spec import DomainSpec

TIMEOUT_S = 300
"""For each domain."""


def replay_on_broker(
    spec: DomainSpec,
    recording: Recording,
    folder: Path,
    *,
    workers: int = 1,
    hold: bool = False,
    broker: str = "embedded",
) -> Outcome:
    """Run a recording through a stack of its own, by the command line, at full speed.

    Parameters
    ----------
    folder
        Folder for the files of the run.
    broker
        The value of ``--broker``. A broker at an address must have no records.

    Raises
    ------
    StackError
        If the stack fails; the message has the output of the stack.
    """
    recordings = {spec.name: (spec, recording)}
    found = replay_all_on_broker(recordings, folder, workers=workers, hold=hold, broker=broker)
    return found[spec.name]


def replay_all_on_broker(
    recordings: Mapping[str, tuple[DomainSpec, Recording]],
    folder: Path,
    *,
    workers: int = 1,
    hold: bool = False,
    broker: str = "embedded",
) -> Mapping[str, Outcome]:
    """Run recordings of several domains through one stack; see :func:`replay_on_broker`.

    Returns
    -------
    The outcome of each domain, by its name.
    """
    whole, report = (folder / name for name in ("out.parquet", "report.json"))
    sources: list[str] = []
    for name, (_, recording) in recordings.items():
        write_recording(folder / f"{name}-in.parquet", recording)
        sources += ["--domain", name, "--source", f"{name}={folder / f'{name}-in.parquet'}"]
    command = [
        sys.executable, "-m", "streamsim.simulator.cli", "up", *sources, "--headless",
        "--speed", "max", "--workers", str(workers), "--broker", broker,
        "--report", str(report), "--record", str(whole), *(["--hold"] if hold else []),
    ]  # fmt: skip
    timeout = TIMEOUT_S * len(recordings)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=False, env=os.environ
    )
    if not report.exists():
        raise StackError(f"the stack ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    accounts = json.loads(report.read_text())["domains"]
    records = read_recording(whole).records
    return {
        name: make_outcome(spec, records, accounts[name]) for name, (spec, _) in recordings.items()
    }
