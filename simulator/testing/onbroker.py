"""Replay a recording on a real stack: broker, model service, Faust workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from streamsim.producers.recording import Recording, read_recording, write_recording
from streamsim.simulator.testing.outcome import Outcome
from streamsim.simulator.testing.reading_outcome import make_outcome
from streamsim.streams.errors import StackError
from streamsim.streams.spec import DomainSpec

TIMEOUT_S = 300


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
    source, whole, report = (folder / name for name in ("in.parquet", "out.parquet", "report.json"))
    write_recording(source, recording)
    command = [
        sys.executable, "-m", "streamsim.simulator.cli", "up", "--domain", spec.name, "--headless",
        "--source", f"{spec.name}={source}", "--speed", "max", "--workers", str(workers),
        "--broker", broker, "--report", str(report), "--record", str(whole),
        *(["--hold"] if hold else []),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=os.environ
    )
    if not report.exists():
        raise StackError(f"the stack ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    account = json.loads(report.read_text())["domains"][spec.name]
    return make_outcome(spec, read_recording(whole).records, account)
