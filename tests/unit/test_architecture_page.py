"""``ARCHITECTURE.md`` is short, and says of imports what import-linter's contracts hold."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tests.conftest import ROOT

PAGE = (ROOT / "ARCHITECTURE.md").read_text()
CONTRACTS: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "importlinter"
]["contracts"]
MOST_WORDS = 1_500


def layers_of(container: str) -> list[list[str]]:
    """The layers of a container, uppermost first, each with its packages."""
    (contract,) = [c for c in CONTRACTS if c.get("containers") == [container]]
    return [layer.split(" | ") for layer in contract["layers"]]


def first_column(heading: str) -> list[str]:
    """The names in code in the first column of the table with that heading."""
    table = PAGE.split(heading, 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `(\w+)/?` \|", table, re.MULTILINE)


def test_it_is_read_in_one_sitting() -> None:
    assert len(PAGE.split()) <= MOST_WORDS


def test_the_folders_are_those_of_the_contract() -> None:
    layers = layers_of("streamsim")
    folders = first_column("| folder | what is in it | may import |")
    assert sorted(folders) == sorted(name for layer in layers for name in layer)
    position = {name: at for at, layer in enumerate(layers) for name in layer}
    assert [position[name] for name in folders] == sorted(position.values(), reverse=True)


def test_the_packages_stand_in_the_order_of_the_contract() -> None:
    layers = layers_of("streamsim.consumers")
    assert first_column("| package | what it does |") == [n for layer in layers for n in layer]


def test_the_clients_that_pure_packages_must_not_reach_are_named() -> None:
    forbidden = [c for c in CONTRACTS if c["type"] == "forbidden"]
    reached = [c for c in forbidden if not c.get("allow_indirect_imports")]
    (named,) = re.findall(r"reach none of ([\w,\s]+?), not even", PAGE)
    clients = re.findall(r"\w+", named.replace(" and ", ", "))
    for contract in reached:
        assert sorted(contract["forbidden_modules"]) == sorted(clients)
    sources = {source for contract in reached for source in contract["source_modules"]}
    pure = {n for layer in layers_of("streamsim.consumers") for n in layer} - {"worker"}
    assert sources == {"streamsim.streams", *(f"streamsim.consumers.{name}" for name in pure)}
