"""The recipes of CONTRIBUTING.md, applied to a copy of the repository, pass their own checks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = dict(re.findall(r"^### (Add an? \w+)\n(.*?)(?=^### |\Z)", PAGE, re.DOTALL | re.MULTILINE))
LEFT_OUT = (".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "build")


def apply(recipe: str, checkout: Path) -> None:
    """Make a recipe's changes.

    A path at the start of a line names the file of the blocks after it: a whole file in Python, or
    a change of a place that occurs exactly once.
    """
    path = checkout
    parts = r"^`([\w/]+\.\w+)`[:,]|^```(python|diff)\n(.*?)^```"
    for name, kind, text in re.findall(parts, recipe, re.DOTALL | re.MULTILINE):
        if name:
            path = checkout / name
        elif kind == "python":
            path.write_text(text)
        else:
            lines = text.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] != "+")
            after = "".join(line[1:] for line in lines if line[0] != "-")
            whole = path.read_text()
            assert whole.count(before) == 1, f"{path} does not have once:\n{before}"
            path.write_text(whole.replace(before, after))


def shell(commands: str, checkout: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=checkout,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the repository."""
    ignored = shutil.ignore_patterns(*LEFT_OUT)
    return Path(shutil.copytree(ROOT, tmp_path / "copy", symlinks=True, ignore=ignored))


def test_there_is_a_recipe_for_what_is_added_most() -> None:
    names = ("a feature", "a source", "an alert", "a domain", "a benchmark")
    assert list(RECIPES) == [f"Add {name}" for name in names]


@pytest.mark.slow
@pytest.mark.parametrize("name", list(RECIPES))
def test_a_recipe_passes_its_check(name: str, checkout: Path) -> None:
    apply(RECIPES[name], checkout)
    (commands,) = re.findall(r"```sh\n(.*?)```", RECIPES[name], re.DOTALL)
    shown = shell(commands, checkout)
    assert re.search(r"\d+ passed", shown)
    assert "failed" not in shown


@pytest.mark.slow
def test_what_the_recipes_add_passes_make_check(checkout: Path) -> None:
    """All recipes together, as one contributor could apply them."""
    for recipe in RECIPES.values():
        apply(recipe, checkout)
    shell("ruff check .; ruff format --check .; mypy; lint-imports --no-cache", checkout)
