"""A stack renews its model, and the renewing process, the service and a worker are killed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from streamsim.benchmarks.fault_injection.faulty_stack import Target, send
from streamsim.benchmarks.fault_injection.verdict import check
from streamsim.models.registry import Registry
from streamsim.producers.recording import read_recording
from streamsim.simulator.reading import read_whole
from streamsim.simulator.testing.reading_outcome import make_outcome
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.topics import OPS_MODELS, ops_topics
from tests.stacks import streamsim, until

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

DAYS, DAYS_A_SECOND = 30, 1.0


def test_after_kills_the_versions_are_those_of_a_replay(
    registry: Registry, tmp_path: Path, stack_broker: str
) -> None:
    spec = load_domain("technology")
    champion = registry.champion(spec.model.recipe.name)
    models = [t for t in ops_topics() if t.name == OPS_MODELS]
    options = (
        "--days", str(DAYS), "--speed", str(86_400 * DAYS_A_SECOND), "--seed", "6",
        "--workers", "2", "--broker", stack_broker,
    )  # fmt: skip
    with Target(spec, tmp_path, *options) as target:

        def renewed() -> int:
            told = read_whole(target.address, models)[OPS_MODELS]
            return sum(b'"renewed"' in (record.value or b"") for record in told)

        until(lambda: renewed() >= 1, "the first renewed version")
        send(target.parts("controller")[0], signal.SIGKILL)
        until(lambda: renewed() >= 2, "another one, after the restart")
        send(target.parts("service")[0], signal.SIGKILL)
        until(lambda: renewed() >= 3, "one more")
        send(target.parts("worker")[0], signal.SIGKILL)
        shown = streamsim(
            "watch", "models", "--broker", target.address, "--from-beginning", "--timeout", "3"
        ).stdout
        report = target.end()
    recording = read_recording(target.recording_file)
    verdict = check(spec, recording, report)
    assert not verdict.faults
    versions = sorted({s.version for s in make_outcome(spec, recording.records, report).scores})
    assert len(versions) >= 4
    assert versions[0] == champion
    assert report["model"]["version"] == versions[-1]
    lines = [line for line in shown.splitlines() if " is renewed from event time 2025-01-" in line]
    assert len(lines) >= 3
    assert len({line.split()[3] for line in lines}) == len(lines), shown  # each is published once
