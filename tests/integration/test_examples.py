"""Every example runs, by the command in its README."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streamsim.benchmarks.public_data.datasets import FLIGHTS, RAINFALL
from streamsim.models.registry import Registry
from tests.conftest import ROOT
from tests.own_domain import FILES
from tests.realdata.downloads import downloaded

EXAMPLES = ROOT / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))
pytestmark = [pytest.mark.stack, pytest.mark.embedded]


@pytest.fixture
def place(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the examples, and a home of its own with the models that ``make`` trains."""
    home = tmp_path / "home"
    shutil.copytree(registry.root, home / "registry")
    monkeypatch.setenv("STREAMSIM_HOME", str(home))
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))


def run(place: Path, name: str) -> str:
    """Run an example's command in its folder; return its output."""
    (command,) = re.findall(r"```sh\n(.*?)```", (place / name / "README.md").read_text(), re.DOTALL)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=place / name,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_list_names_every_example() -> None:
    listed = re.findall(r"^\| \[([\w-]+)\]\(([\w-]+)\)", (EXAMPLES / "README.md").read_text(), re.M)
    assert sorted(name for name, _ in listed) == NAMES
    assert all(name == link for name, link in listed)
    assert {path.name for path in EXAMPLES.iterdir()} == {*NAMES, "README.md"}


def test_the_domain_is_the_one_that_its_page_explains() -> None:
    folder = EXAMPLES / "own-domain" / "domains" / "water"
    assert {path.name: path.read_text() for path in folder.glob("*.py")} == FILES


@pytest.mark.long
def test_a_project_that_tests_by_replays(place: Path) -> None:
    assert "4 passed" in run(place, "replay-test")


@pytest.mark.long
def test_five_tasks(place: Path) -> None:
    shown = run(place, "five-tasks")
    assert re.search(r"27 .* 100419 .* 65\+", shown)
    assert "note_not:cough" in shown
    assert re.search(r"'model': 'finance-fraud'.*'scores': \[0\.\d+\]", shown)
    assert "2025-02-01 raised at 0.64\n2025-02-23 resolved at 0.86" in shown
    assert re.search(r"^2,000 users, the first is shown \[\d+, \d+, \d+\]$", shown, re.MULTILINE)


@pytest.mark.slow
def test_a_model_of_ones_own(place: Path) -> None:
    shown = run(place, "own-model")
    assert re.search(r"^payments-fraud 1: roc_auc 0\.9\d+, average_precision", shown, re.MULTILINE)
    assert "## Metrics" in shown
    assert re.search(r"^payments: [\d,]+ in = .*\[closed\]", shown, re.MULTILINE)
    assert "model      payments-fraud 1" in shown


@pytest.mark.slow
def test_a_domain_of_ones_own(place: Path) -> None:
    shown = run(place, "own-domain")
    assert re.search(r"^water: [\d,]+ in = .*\[closed\]", shown, re.MULTILINE)
    assert "model      water-leak 1" in shown


@pytest.mark.slow
@pytest.mark.nightly
def test_flights_with_labels_that_come_at_the_landing(place: Path) -> None:
    downloaded(FLIGHTS)
    shown = run(place, "flights")
    assert re.search(r"^flights: 336,776 in = .*\[closed\]", shown, re.MULTILINE)
    assert re.search(r"labels +327,346 in: 327,346 applied", shown)
    assert "model      flights-late 1" in shown


@pytest.mark.slow
@pytest.mark.nightly
def test_rain_that_a_model_of_long_ago_does_not_know(place: Path) -> None:
    downloaded(RAINFALL)
    shown = run(place, "rain")
    assert re.search(r"^rain: 18,159 in = 18,159 scored .*\[closed\]", shown, re.MULTILINE)
    assert re.search(r"rolling +roc_auc .* LOW", shown)


@pytest.mark.slow
def test_a_foreign_client_reads_alerts(place: Path) -> None:
    lines = run(place, "foreign-client").splitlines()
    alerts = [line for line in lines if "streamsim.finance.suspected_fraud" in line]
    assert len(alerts) == 3
    assert all(re.search(r" c\d{6}  [\d,.]+ EUR at t\d{5}$", line) for line in alerts)
