"""The other commands, beside a running stack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamsim.models.registry import Registry
from streamsim.producers.recording import read_recording
from tests.stacks import Up, streamsim

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def running(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running stack for the tests of this file; its account closes at the end."""
    with Up(tmp_path_factory.mktemp("up")) as up:
        yield up.flowing()
        up.interrupt()
        assert up.ended() == 0
        assert up.report["unaccounted"] == 0


def test_watch_prints_alerts_as_they_arrive(running: Up) -> None:
    done = streamsim("watch", "alerts", "--count", "4")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    cards = [line for line in lines if " monitored finance-fraud: " not in line]
    assert cards  # the others say that the model's accuracy is low, or has recovered
    assert all(" card c" in line and " EUR at t" in line for line in cards)


def test_watch_prints_one_object_per_line(running: Up) -> None:
    done = streamsim("watch", "alerts", "--json", "--from-beginning", "--count", "3")
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({a["id"] for a in alerts}) == 3
    suspected = [a for a in alerts if a["rule"] == "suspected_fraud"]  # not of the model's accuracy
    assert suspected
    assert all(a["score"] >= a["threshold"] and a["why"] for a in suspected)


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("scores", '"score":'),
        ("metrics", '"worker":'),
        ("models", "finance-fraud 1 is champion"),
        ("finance.transactions", '"amount_cents":'),
    ],
)
def test_watch_follows_any_topic(running: Up, what: str, shown: str) -> None:
    done = streamsim("watch", what, "--from-beginning", "--count", "12", "--timeout", "5")
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


def test_watch_ends_when_no_record_arrives(running: Up) -> None:
    done = streamsim("watch", "dead", "--timeout", "1")
    assert (done.returncode, done.stdout) == (0, "")


def test_topics_lists_the_topics(running: Up) -> None:
    done = streamsim("topics", "--domain", "finance")
    assert done.returncode == 0, done.stderr
    for name in ("transactions", "chargebacks", "terminals", "scores", "alerts", "dead", "truth"):
        assert f"finance.{name}  (" in done.stdout
    assert 'e.g. {"event_id":"tx-' in done.stdout


@pytest.mark.long
def test_what_is_recorded_can_be_sent_again(running: Up, tmp_path: Path) -> None:
    file = tmp_path / "recorded.parquet"
    done = streamsim("record", str(file), "--topic", "finance.transactions", "--for", "1")
    assert done.returncode == 0, done.stderr
    recording = read_recording(file)
    assert set(recording.manifest["topics"]) == {"finance.transactions"}
    assert recording.manifest["seed"] == 0
    copies = sum(1 for r in recording.records if r.value is not None)
    again = streamsim("replay", str(file))
    assert again.returncode == 0, again.stderr
    assert f"{copies:,} transactions" in again.stdout


def test_a_producer_alone_sends_to_the_stack(running: Up) -> None:
    done = streamsim("send", "finance", "--days", "0.5", "--speed", "max", "--seed", "77")
    assert done.returncode == 0, done.stderr
    assert "transactions" in done.stdout


@pytest.mark.embedded
def test_models_are_listed_shown_and_checked(registry: Registry) -> None:
    listed = streamsim("models", "list")
    assert "champion" in listed.stdout
    shown = streamsim("models", "show", "finance-fraud")
    assert "# finance-fraud 1" in shown.stdout
    missing = streamsim("models", "show", "nobody")
    assert missing.returncode == 3
    assert missing.stderr.count("\n") == 1


@pytest.mark.embedded
def test_the_doctor_finds_all_well(registry: Registry) -> None:
    done = streamsim("doctor")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("ok  ") == 7
    assert "FAIL" not in done.stdout


@pytest.mark.embedded
def test_training_on_a_file_needs_events_in_the_period(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    file.write_text("event_id,event_time,card_id,terminal_id,amount_cents\n")
    done = streamsim(
        "train", "finance", "--source", str(file), "--from", "2025-01-01", "--to", "2025-01-02"
    )
    assert done.returncode == 2
    assert "no events in the period" in done.stderr


@pytest.mark.embedded
@pytest.mark.slow
def test_a_missed_target_is_exit_code_1(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that never alerts has no precision."""
    shutil.copytree(registry.root, tmp_path / "registry")
    champion = registry.champion("finance-fraud")
    assert champion is not None
    release = tmp_path / "registry" / "finance-fraud" / champion / "release.json"
    document = json.loads(release.read_text())
    document["signature"]["threshold"] = 2.0
    release.chmod(0o644)
    release.write_text(json.dumps(document))
    monkeypatch.setenv("STREAMSIM_HOME", str(tmp_path))
    done = streamsim("bench", "alerts", "--seeds", "5")
    assert done.returncode == 1
    assert "no alert raised" in done.stderr
    assert "Traceback" not in done.stderr
