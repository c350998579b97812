"""Bad luck on the user's machine ends in a sentence, before anything starts where that can be."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from streamsim.models.registry import CHAMPION, RELEASE, Registry
from tests.customers import do
from tests.stacks import Up, streamsim

SHADOWS = ("random", "orjson", "numpy", "faust", "flask", "kafka", "site", "sitecustomize")


def refused(*arguments: str, code: int = 2) -> str:
    """Run a command that is refused, and return its one line."""
    done = streamsim(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert "broker embedded" not in done.stdout  # nothing has been started
    return line


@pytest.fixture
def own_home(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with the trained models."""
    home = tmp_path / "home"
    shutil.copytree(registry.root, home / "registry")
    monkeypatch.setenv("STREAMSIM_HOME", str(home))
    return home


@pytest.mark.stack
@pytest.mark.usefixtures("registry")
def test_no_process_runs_a_module_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'a')")
    monkeypatch.chdir(tmp_path)
    with Up(tmp_path, "--duration", "4") as up:
        assert up.ended() == 0, up.text
    assert not (tmp_path / "was-run").exists()


@pytest.mark.stack
@pytest.mark.long
@pytest.mark.usefixtures("registry")
def test_a_closed_terminal_stops_a_run_in_order(tmp_path: Path) -> None:
    # The tests may run under nohup, whose children ignore the signal.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with Up(tmp_path, "--rate", "500") as up:
        signal.signal(signal.SIGHUP, before)
        up.flowing()
        up.process.send_signal(signal.SIGHUP)
        assert up.ended() == 0
        assert up.report["unaccounted"] == 0
        assert up.report["in"] > 0


@pytest.mark.stack
@pytest.mark.long
@pytest.mark.usefixtures("registry")
def test_without_its_guard_a_run_stops_in_order_and_says_so(tmp_path: Path) -> None:
    with Up(tmp_path, "--rate", "500") as up:
        up.flowing()
        guard = next(p for p in up.alive() if any("guard.py" in word for word in p.cmdline()))
        guard.kill()
        assert up.ended() == 0
        assert "the guard has ended" in up.text
        assert up.report["unaccounted"] == 0


def test_what_may_never_end_is_no_source(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        assert "a pipe or a device" in refused("up", "--source", f"finance={path}")
        part = ("--source", str(path), "--first", "70%")
        assert "a pipe or a device" in refused("train", "finance", *part)


def test_a_report_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    there = str(tmp_path / "none" / "report.json")
    assert there in refused("up", "--domain", "finance", "--report", there)
    assert str(tmp_path) in refused("up", "--domain", "finance", "--record", str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff\xfe", b"00"])
def test_a_broken_key_of_pseudonyms_is_named(own_home: Path, content: bytes) -> None:
    (own_home / "privacy.key").write_bytes(content)
    assert "privacy.key: a key has at least" in refused("up", "--domain", "healthcare")


def test_a_home_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STREAMSIM_HOME", str(tmp_path / "file" / "home"))
    assert "cannot write to" in refused("up", "--domain", "finance")


def test_a_damaged_model_is_named_and_the_others_are_listed(own_home: Path) -> None:
    model = own_home / "registry" / "finance-fraud"
    release = model / "1" / RELEASE
    release.chmod(0o644)
    release.write_bytes(release.read_bytes()[:40])
    listed = streamsim("models", "list")
    assert listed.returncode == 0
    assert "is damaged" in listed.stdout
    assert "retail-return" in listed.stdout
    assert "is damaged" in refused("models", "promote", "finance-fraud", "1", code=3)
    assert "is damaged" in refused("up", "--domain", "finance", code=3)
    (model / CHAMPION).unlink()
    (model / CHAMPION).mkdir()  # as unreadable as a file of another user, for root too
    assert CHAMPION in refused("up", "--domain", "finance", code=3)
    assert "retail-return" in streamsim("models", "list").stdout


def test_a_champion_can_be_read_by_whoever_can_read_its_model(own_home: Path) -> None:
    registry = Registry(own_home / "registry")
    registry.promote("finance-fraud", "1")
    mode = (registry.root / "finance-fraud" / CHAMPION).stat().st_mode
    assert mode & 0o444 == 0o444


def test_a_simulation_does_not_touch_a_table_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    do(url, "CREATE TABLE customers (household_id TEXT PRIMARY KEY)",
       "INSERT INTO customers VALUES ('7')")  # fmt: skip
    before = (tmp_path / "crm.db").read_bytes()
    monkeypatch.setenv("STREAMSIM_DATABASE_URL", url)
    assert "customers that no simulation has made" in refused("up", "--domain", "retail")
    assert (tmp_path / "crm.db").read_bytes() == before
    monkeypatch.setenv("STREAMSIM_DATABASE_URL", f"sqlite:///{tmp_path / 'none' / 'crm.db'}")
    assert "unable to open database file" in refused("up", "--domain", "retail")
