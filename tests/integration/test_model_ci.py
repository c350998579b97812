"""docs/model-ci.md: its workflows are what they say, its commands run, and a worse recipe fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command_lines import refused
from tests.conftest import ROOT
from tests.own_domain import write
from tests.stacks import streamsim

PAGE = (ROOT / "docs" / "model-ci.md").read_text()
UPDATE, CHECK, RELEASE, LIVE = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
WORKFLOWS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
OURS = (ROOT / ".github" / "workflows" / "model-check.yml").read_text()
SEEN = "np.column_stack([litres, events.event_time // HOUR % 24, over, uneven])"
BLIND = "np.column_stack([litres * 0, events.event_time // HOUR % 24, over * 0, uneven * 0])"
FEW_DAYS = {"    days=40,": "    days=16,", "ordinary_days=25": "ordinary_days=10"}


def steps(text: str) -> list[dict[str, Any]]:
    (job,) = yaml.safe_load(text)["jobs"].values()
    assert job["runs-on"] == "ubuntu-latest"
    found: list[dict[str, Any]] = job["steps"]
    return found


@pytest.mark.parametrize("text", [*WORKFLOWS, OURS])
def test_a_workflow_has_steps_whose_commands_exist(text: str) -> None:
    document = yaml.safe_load(text)
    assert document["permissions"] == {"contents": "read"}
    runs = [step["run"] for step in steps(text) if "run" in step]
    assert all(("uses" in step) != ("run" in step) for step in steps(text))
    for command in runs:
        if command.startswith("streamsim "):
            assert refused(command) == ""
        else:
            assert command in ("pip install -r requirements.txt", "make model-check")


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    assert refused("streamsim models chek")
    assert refused("streamsim models check --refrence x")


@pytest.mark.parametrize("block", [UPDATE, CHECK, RELEASE, LIVE])
def test_the_commands_of_the_page_exist(block: str) -> None:
    commands = [line for line in block.splitlines() if line.startswith("streamsim ")]
    assert commands
    assert [refused(command) for command in commands] == [""] * len(commands)


def test_our_workflow_runs_what_make_runs() -> None:
    done = subprocess.run(
        ["make", "model-check", "--dry-run", f"PYTHON={sys.executable}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "streamsim models check --reference .ci/model-reference.json" in done.stdout
    assert steps(OURS)[-1]["run"] == "make model-check"


def test_a_domain_without_a_reference_is_told_how_to_make_one(tmp_path: Path) -> None:
    done = streamsim("models", "check", "finance", "--reference", str(tmp_path / "none.json"))
    assert done.returncode == 2
    assert f"check finance --update --reference {tmp_path / 'none.json'} makes one" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's repository, with the domain of the docs in it."""
    write(tmp_path / "domains", instead=FEW_DAYS)
    monkeypatch.setenv("STREAMSIM_HOME", str(tmp_path / "home"))
    return tmp_path


def shell(commands: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-ec", commands],
        cwd=folder,
        env={**os.environ, "PATH": path, "STREAMSIM_DOMAINS": "domains"},
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )


@pytest.mark.slow
def test_a_users_repository_as_the_page_tells_it(repository: Path) -> None:
    """The reference is made, an equal recipe passes, one that lost its features does not."""
    done = shell(UPDATE, repository)
    assert done.returncode == 0, done.stderr
    assert (repository / "model-reference.json").exists()
    assert not (repository / "home" / "registry").exists()
    done = shell(CHECK, repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no recipe is worse than model-reference.json: water" in done.stdout
    features = repository / "domains" / "water" / "features.py"
    features.write_text(features.read_text().replace(SEEN, BLIND))
    done = shell(CHECK, repository)
    assert done.returncode == 1
    assert re.search(r"average_precision .* WORSE", done.stdout)
    assert "worse than model-reference.json: water (average_precision" in done.stderr
    assert "Traceback" not in done.stderr
    recipe = repository / "domains" / "water" / "__init__.py"
    recipe.write_text(recipe.read_text().replace("model = Hist", "model = 1 / 0 * Hist"))
    done = shell(CHECK, repository)
    assert done.returncode == 1
    assert "water cannot be trained: ZeroDivisionError" in done.stdout


@pytest.mark.slow
def test_versions_are_released_compared_promoted_and_taken_back(repository: Path) -> None:
    done = shell(RELEASE, repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "water-leak 2 is champion" in done.stdout
    promoted, stacks = done.stdout.splitlines()[-2:]
    assert promoted == "water-leak 1 is champion"
    assert stacks == "no running stack serves water-leak; the next one begins with 1"
    assert re.search(r"  algorithm +HistGradientBoostingClassifier +HistGradient", done.stdout)
    assert re.search(r"\* created ", done.stdout)


@pytest.mark.slow
@pytest.mark.alone
def test_the_five_recipes_are_as_good_as_their_reference() -> None:
    done = streamsim(
        "models", "check", "--reference", str(ROOT / ".ci" / "model-reference.json"), timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("finance", "healthcare", "logistics", "retail", "technology"):
        assert f"\n{name}: " in f"\n{done.stdout}"
