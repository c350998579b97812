"""What a contributor's tools and the forge read: hooks, templates, the project's metadata."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def test_the_hooks_run_what_make_check_runs_and_download_nothing() -> None:
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local"
    assert {hook["language"] for hook in repo["hooks"]} == {"system"}
    hooks = [hook["entry"].replace(".venv/bin/", "").split() for hook in repo["hooks"]]
    (recipe,) = (ROOT / "Makefile").read_text().split("\ncheck: ")[1:]
    lines = recipe.split("\n\n")[0].replace("$(BIN)/", "").splitlines()[1:]
    assert [hook[0] for hook in hooks] == [line.strip("\t@").split()[0] for line in lines[:-1]]


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_an_issue_template_has_what_the_forge_asks_for(name: str) -> None:
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.md").read_text()
    _, front, body = text.split("---\n", 2)
    assert yaml.safe_load(front).keys() == {"name", "about", "labels"}
    assert body.strip()


def test_the_owner_fills_in_the_addresses() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    assert "urls" not in project or "example.invalid" not in str(project["urls"])
    assert project["keywords"]
    assert "Typing :: Typed" in project["classifiers"]
