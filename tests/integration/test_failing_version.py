"""A version that fails on a running stack: all is scored, and its trial ends by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from streamsim.benchmarks.fault_injection.live_versions import check_live
from streamsim.models.registry import Registry
from streamsim.producers.recording import Recording, read_recording
from streamsim.streams.domains.finance import SPEC
from streamsim.streams.topics import METRICS, OPS_MODELS, topic
from tests.logged import invented, release_champion, signature_of
from tests.stacks import Up, streamsim

MODEL = SPEC.model.recipe.name
KNOWN = np.array([-1e6, -1.0, 0.0, 1.0, 1e6], np.float32)
"""What a version is tried with before it is loaded. No payment has these values alone."""


def encoder() -> Any:
    """An estimator that knows a few values as categories, and raises at any other one."""
    rows = np.repeat(KNOWN[:, None], len(SPEC.features.vector.names), axis=1)
    own = make_pipeline(OneHotEncoder(handle_unknown="error"), LogisticRegression())
    return own.fit(rows, np.arange(len(KNOWN)) % 2)


@pytest.fixture
def two_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a user whose second version passes its trial, and fails at real events."""
    home = tmp_path / "home"
    registry = Registry(home / "registry")
    release_champion(SPEC, registry, invented(SPEC, 2_000, telling=1))
    registry.promote(MODEL, "1")
    registry.add(
        encoder(), signature_of(SPEC), metrics={}, data={}, card="# {version}\n", created=""
    )  # fmt: skip
    monkeypatch.setenv("STREAMSIM_HOME", str(home))
    return tmp_path


def ended_by_itself(recording: Recording) -> list[tuple[str, str, dict[str, Any]]]:
    """Event, reason and evidence of the decisions that no person has made."""
    bodies = [orjson.loads(record.value or b"null") for record in recording.of(OPS_MODELS)]
    return [
        (body["event"], body["why"], body["evidence"])
        for body in bodies
        if body.get("who") == "streamsim"
    ]


@pytest.mark.stack
@pytest.mark.slow
def test_a_version_that_fails_is_stood_in_for_and_taken_back(two_versions: Path) -> None:
    file = two_versions / "run.recording"
    with Up(two_versions, "--rate", "500", "--record", str(file)) as up:
        up.says(" scored, ")
        assert streamsim("models", "canary", MODEL, "2", "--share", "0.3").returncode == 0
        up.says("1 answers alone again")
        assert streamsim("models", "promote", MODEL, "2").returncode == 0
        up.says("1 is the champion again in place of 2")
        assert streamsim("models", "shadow", MODEL, "2").returncode == 0
        up.says("times as shadow")
        up.interrupt()
        assert up.ended() == 0
    account = up.report
    assert account["unaccounted"] == 0
    assert account["in"] == account["scored"] > 0
    recording = read_recording(file)
    live = check_live(SPEC, recording)
    assert live.faults == ()
    assert live.stood_in > 0
    assert live.by_version == {"1": account["scored"]}
    decided = ended_by_itself(recording)
    assert [event for event, _, _ in decided] == ["withdrawn", "rolled back", "withdrawn"]
    for (_, why, evidence), role in zip(decided, ("canary", "champion", "shadow"), strict=True):
        times = evidence["times"]
        assert evidence["failed"] == times >= 20
        assert why.startswith(f"2 failed {times} of {times} times as {role}: ValueError: Found")
    told = [orjson.loads(r.value or b"{}") for r in recording.of(topic(SPEC.name, METRICS))]
    last = next(body["versions"] for body in reversed(told) if "versions" in body)
    stood_in = sum(own["failed_rows"] for own in last if own["role"] != "shadow")
    assert stood_in >= live.stood_in - account["scored"] * 0.01
