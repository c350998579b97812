"""A domain in one folder: docs/own-domain.md, written to files, run, and tested by the contract."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from streamsim.models.registry import Registry
from tests.brokers import BROKERS
from tests.conftest import ROOT
from tests.own_domain import FILES, PAGE, write

FLOW, CONTRACT = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module")
def domains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the page describes, made by its instructions."""
    assert set(FILES) == {"__init__.py", "schema.py", "simulate.py", "features.py"}
    return write(tmp_path_factory.mktemp("own") / "domains")


def shell(commands: str, folder: Path, timeout: int = 220) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-ec", commands],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_it_flows(domains: Path) -> None:
    """Events are scored, alerts raised and accuracy tracked, with labels two days later."""
    with pytest.MonkeyPatch.context() as patch, BROKERS.for_stack() as broker:
        patch.setenv("STREAMSIM_HOME", str(domains.parent / "home"))
        commands = FLOW.replace("streamsim up", f"streamsim up --broker {broker}")
        done = shell(commands, domains.parent)
    assert done.returncode == 0, done.stderr + done.stdout
    (found,) = json.loads((domains.parent / "water.json").read_text())["domains"].items()
    name, water = found
    assert name == "water"
    assert water["in"] == water["scored"] > 2_000
    assert water["labels"]["in"] == water["labels"]["applied"] > 20
    assert water["unaccounted"] == water["labels"]["unaccounted"] == 0
    assert water["alerts"] > 5
    quality = water["alert_quality"]
    assert quality["precision"] > 5 * quality["chance_precision"]
    assert water["accuracy"]["value"] > 0.2
    assert water["accuracy"]["samples"] >= 500
    assert re.search(r"^ +31337 .* leak 0\.[4-9]", done.stdout, re.MULTILINE)


@pytest.mark.embedded
def test_it_keeps_the_contract(domains: Path, registry: Registry) -> None:
    command = CONTRACT.replace("STREAMSIM_DOMAINS=domains", f"STREAMSIM_DOMAINS={domains}")
    assert str(domains) in command
    done = shell(command, ROOT)
    assert done.returncode == 0, done.stdout[-4_000:]
    ran = re.search(r"(\d+) passed, (?:\d+ skipped, )?\d+ deselected", done.stdout)
    assert ran is not None, done.stdout[-1_000:]
    assert int(ran[1]) >= 15
    assert "failed" not in done.stdout.splitlines()[-1]


@pytest.mark.embedded
@pytest.mark.timeout(480)
@pytest.mark.nightly
@pytest.mark.parametrize("name", ["flights", "rain"])
def test_the_domains_of_real_series_keep_it(name: str, registry: Registry) -> None:
    """Over the small worlds that they have besides their files."""
    folder = ROOT / "examples" / name / "domains"
    command = CONTRACT.replace("STREAMSIM_DOMAINS=domains", f"STREAMSIM_DOMAINS={folder}")
    done = shell(command.replace("water", name), ROOT, timeout=440)
    assert done.returncode == 0, done.stdout[-4_000:]
    assert re.search(r"2\d passed", done.stdout)
