"""One run with swaps: a whole stack whose versions are changed and whose processes are killed."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamsim.benchmarks.fault_injection.failed_requests import Span, failed_requests
from streamsim.benchmarks.fault_injection.faulty_stack import Target, send
from streamsim.benchmarks.fault_injection.live_versions import Live, check_live
from streamsim.benchmarks.fault_injection.swap_plan import Step, make_steps
from streamsim.benchmarks.fault_injection.swap_versions import make_versions
from streamsim.benchmarks.fault_injection.verdict import Verdict, check
from streamsim.consumers.predict.model_schedule import Schedule, read_entry
from streamsim.models.loaded import Loaded
from streamsim.models.registry import Registry
from streamsim.producers.recording import Recording, read_recording
from streamsim.simulator.run.probes import answers
from streamsim.streams.codec import parse_header_ints
from streamsim.streams.collecting import rare_collections
from streamsim.streams.errors import StackError, UsageError
from streamsim.streams.events import INGEST_TIME, NO_TIME
from streamsim.streams.settings import EMBEDDED
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import METRICS, OPS_MODELS, topic

WORKERS = 2
DISK_MB = 16_384
"""Nothing may be deleted before it is checked."""
RECORD_S = 600.0
"""Patience with a stack that writes millions of records down."""
COMMAND_S = 90.0
AGAIN_S = 3.0
"""For how long requests may fail after a killed service is ready again: what a worker counts is
published later, and calls that were under way end."""
POLL_S = 0.1
LAST_S = 7.0
"""Wait after the last request, so that it takes effect: workers know the plans for six seconds."""


@dataclass(frozen=True, slots=True)
class Swaps:
    """Result of a run.

    Attributes
    ----------
    verdict
        Comparison with a replay by the same plans: nothing lost, nothing doubled.
    live
        What the topics say of versions, thresholds and the metric.
    failed, passing
        Requests of workers that failed while the service ran, and while it was down.
    sent_eps, scored_eps
        Events per second that the producer sent, and that the workers scored, from the first
        request until all was scored that had been sent by the last.
    kills
        Number of kills by process.
    faults
        All faults, as text.
    """

    verdict: Verdict
    live: Live
    failed: int
    passing: int
    sent_eps: float
    scored_eps: float
    kills: Mapping[str, int]
    faults: tuple[str, ...]


def run_swaps(
    spec: DomainSpec,
    seed: int,
    folder: Path,
    *,
    count: int,
    rate: float,
    broker: str = EMBEDDED,
    kills: bool = True,
) -> Swaps:
    """Swap versions of a stack's model, kill its processes, and check the topics.

    Parameters
    ----------
    folder
        Folder for the files of the run, its home included.
    count
        Number of requests.
    rate
        Events per second.
    broker
        The embedded one, or the address of one without records.
    kills
        Whether processes are killed meanwhile.

    Raises
    ------
    StackError
        If the stack does not survive.
    UsageError
        If the domain's model is renewed: its versions are not those of a registry alone.
    """
    if spec.model.renewal is not None:
        raise UsageError(f"{spec.name} renews its model: take a domain that does not")
    home = folder / "home"
    versions = make_versions(spec, home, seed)
    steps = make_steps(versions, count, seed, kills=kills)
    environment = {
        "STREAMSIM_HOME": str(home),
        "STREAMSIM_BROKER_DISK_MB": str(DISK_MB),
        "STREAMSIM_ADAPTS": "0",  # all decisions are made here
    }
    options = (
        "--rate", f"{rate:g}", "--workers", str(WORKERS), "--seed", str(seed), "--broker", broker,
    )  # fmt: skip
    with Target(spec, folder, *options, environment=environment) as target:
        asking = _Asking(target, {**os.environ, **environment}, random.Random(seed))
        began, before = time.monotonic(), target.scored
        for step in steps:
            target.watch(step.after_s)
            asking.ask(step)
        target.watch(LAST_S)
        target.caught_up()
        scored_eps = (target.scored - before) / (time.monotonic() - began)
        target.stop()
        report = target.end(RECORD_S)
    with rare_collections():
        return _checked(spec, target.recording_file, report, versions, home, asking, scored_eps)


def _checked(
    spec: DomainSpec,
    file: Path,
    account: Mapping[str, Any],
    versions: Sequence[str],
    home: Path,
    asking: _Asking,
    scored_eps: float,
) -> Swaps:
    """Check the recording of a run."""
    recording, registry = read_recording(file), Registry(home / "registry")
    model = spec.model.recipe.name
    loaded = {name: Loaded(*registry.load(model, name)) for name in versions}
    plans = schedule_of(recording, loaded[versions[0]])
    verdict = check(spec, recording, account, decided=(plans, loaded))
    live = check_live(spec, recording)
    failed, passing = failed_requests(recording.of(topic(spec.name, METRICS)), asking.down)
    faults = [*asking.faults, *verdict.faults, *live.faults]
    if failed:
        faults.append(f"{failed} requests failed towards a worker while the service ran")
    if len(live.by_version) < 2:
        faults.append("all scores are by one version: nothing was swapped")
    return Swaps(
        verdict,
        live,
        failed,
        passing,
        _sent_eps(spec, recording),
        scored_eps,
        asking.kills,
        tuple(faults),
    )


def schedule_of(recording: Recording, champion: Loaded) -> Schedule:
    """Return the plans of a recorded run, as its workers had them at the end."""
    schedule = Schedule(champion.signature)
    model = champion.signature.model
    values = [record.value for record in recording.of(OPS_MODELS)]
    run = recording.manifest["run"]
    for value in values:
        entry = read_entry(value, f"streamsim-{run}", model)
        if entry is not None:
            schedule.add(entry)
    return schedule


class _Asking:
    """Makes the requests by the command line, and the kills between them.

    Attributes
    ----------
    down
        When the service was down (wall time, ms).
    faults
        Requests that were refused, or not answered.
    """

    def __init__(self, target: Target, environment: Mapping[str, str], draw: random.Random) -> None:
        self._target, self._environment, self._draw = target, environment, draw
        self._model = target.spec.model.recipe.name
        self.down: list[Span] = []
        self.kills: dict[str, int] = {}
        self.faults: list[str] = []

    def ask(self, step: Step) -> None:
        """Make a request; return when it is answered."""
        command = self._command(step)
        with subprocess.Popen(
            [sys.executable, "-m", "streamsim.simulator.cli", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            text=True,
        ) as process:
            try:
                if step.kill:
                    self._target.watch(step.kill_after_s)
                    self._kill(step.kill)
                deadline = time.monotonic() + COMMAND_S
                while process.poll() is None:
                    if time.monotonic() > deadline:
                        raise StackError(f"{' '.join(command)} does not end")
                    self._target.watch(0.1)
                output = process.stdout.read() if process.stdout is not None else ""
            finally:
                process.kill()
        if process.returncode:
            self.faults.append(f"{' '.join(command)}: {output.strip()}")

    def _command(self, step: Step) -> Sequence[str]:
        if step.action == "set":
            return "set", self._target.spec.name, f"threshold={step.number:g}"
        named = (step.version,) if step.version else ()
        share = ("--share", f"{step.number:g}") if step.action == "canary" else ()
        return "models", step.action, self._model, *named, *share

    def _kill(self, part: str) -> None:
        processes = self._target.parts(part)
        if not processes:  # it is being started again
            return
        send(self._draw.choice(processes), signal.SIGKILL)
        self.kills[part] = self.kills.get(part, 0) + 1
        if part == "service":
            threading.Thread(target=self._down, args=(time.time(),), daemon=True).start()

    def _down(self, since: float) -> None:
        """Note from when and until when the service is down."""
        place = len(self.down)
        self.down.append((since * 1000, math.inf))
        url = f"{self._target.model_url}/v2/models/{self._model}/ready"
        time.sleep(POLL_S)
        while not answers(url):
            time.sleep(POLL_S)
        self.down[place] = since * 1000, (time.time() + AGAIN_S) * 1000


def _sent_eps(spec: DomainSpec, recording: Recording) -> float:
    """Return the events per second that the producer sent."""
    records = recording.of(topic(spec.name, spec.trigger.name))
    times = parse_header_ints([dict(record.headers).get(INGEST_TIME) for record in records])
    times = times[times != NO_TIME]
    seconds = (times.max() - times.min()) / 1000 if len(times) > 1 else 0.0
    return float(len(times) / seconds) if seconds else 0.0
