"""The examples in the docstrings do what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

PACKAGES = ("streamsim",)


def modules() -> list[str]:
    names = list(PACKAGES)
    for name in PACKAGES:
        path = importlib.import_module(name).__path__
        names += [module.name for module in pkgutil.walk_packages(path, f"{name}.")]
    return names


@pytest.mark.parametrize("name", modules())
def test_examples_do_what_they_say(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [t for n in modules() for t in finder.find(importlib.import_module(n)) if t.examples]
    assert len(found) > 20


@pytest.mark.parametrize("name", ["api.md", "functions.md", "inputs.md"])
def test_a_page_of_examples_does_what_it_says(name: str) -> None:
    page = Path(__file__).parents[2] / "docs" / name
    assert doctest.testfile(str(page), module_relative=False).failed == 0
