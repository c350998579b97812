"""The command line names every benchmark, without loading it, and each is there."""

from __future__ import annotations

import ast
import importlib
from dataclasses import is_dataclass
from pathlib import Path

import pytest

from streamsim.simulator.commands.bench import BENCHMARKS

MODULES = Path(__file__).parents[2] / "benchmarks"


def has_a_run(path: Path) -> bool:
    names = {
        n.name
        for n in ast.parse(path.read_text()).body
        if isinstance(n, ast.ClassDef | ast.FunctionDef)
    }
    return {"Options", "run"} <= names


def test_every_module_that_can_be_run_is_listed() -> None:
    found = {path.stem for path in MODULES.glob("*.py") if has_a_run(path)}
    found |= {path.parent.name for path in MODULES.glob("*/__init__.py") if has_a_run(path)}
    assert found == set(BENCHMARKS)


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_a_benchmark_has_options_with_defaults(name: str) -> None:
    module = importlib.import_module(f"streamsim.benchmarks.{name}")
    assert is_dataclass(module.Options)
    assert callable(module.run)
    assert BENCHMARKS[name]
