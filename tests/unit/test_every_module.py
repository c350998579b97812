"""Every module has a test that can be found: by its name, in itself, or in tests/covered.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from streamsim.simulator.training_code import imported
from tests.conftest import ROOT

TESTS = ROOT / "tests"
COVERED: dict[str, list[str]] = {
    file: entry["modules"]
    for file, entry in tomllib.loads((TESTS / "covered.toml").read_text()).items()
}
PACKAGES = ("streams", "producers", "consumers", "models", "simulator")
DOMAINS = "streams.domains."
NAMES = sorted(path.stem for path in TESTS.rglob("test_*.py"))


def modules() -> dict[str, Path]:
    """Return all modules but those that only start or offer others, with their files."""
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    named = (file for file in files if not file.stem.startswith("__"))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in named}


def named(module: str) -> bool:
    """Say whether a test's file bears a module's name, alone or among other words."""
    name = re.compile(rf"_{module.rpartition('.')[2]}(_|$)")
    return any(name.search(test) for test in NAMES)


def run_whole(module: str) -> bool:
    """Say whether a domain's module is part of what the contract suite runs of the domain."""
    if not module.startswith(DOMAINS):
        return False
    domain = module.removeprefix(DOMAINS).partition(".")[0]
    return f"streamsim.{module}" in imported(f"streamsim.{DOMAINS}{domain}")


def found(module: str, file: Path) -> bool:
    return named(module) or run_whole(module) or ">>> " in file.read_text()


def test_every_module_has_a_test_that_can_be_found() -> None:
    listed = {module for part in COVERED.values() for module in part}
    missing = [m for m, file in modules().items() if not found(m, file) and m not in listed]
    assert not missing, "write a test_<module>.py, or name the test in tests/covered.toml"


def test_the_table_names_what_exists_and_nothing_else_finds() -> None:
    there = modules()
    listed = [module for part in COVERED.values() for module in part]
    assert len(listed) == len(set(listed))
    assert [module for module in listed if module not in there] == []
    assert [module for module in listed if found(module, there[module])] == []
    assert [file for file in COVERED if not (TESTS / file).is_file()] == []
