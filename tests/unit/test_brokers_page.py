"""``docs/brokers.md``: every difference that it tells is shown by a test, and all are told."""

from __future__ import annotations

import ast
import re

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "brokers.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
SHOWN = "tests/integration/test_brokers.py"


def named_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_test_that_is_named_exists() -> None:
    assert len(NAMED) > 10
    assert [(file, name) for file, name in NAMED if name not in named_in(file)] == []


def test_every_row_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "shown by" not in line]
    assert len(rows) > 10
    assert [row for row in rows if not re.search(r"`tests/\S+::test_\w+` \|$", row)] == []


def test_every_difference_that_is_tested_is_told() -> None:
    assert named_in(SHOWN) == {name for file, name in NAMED if file == SHOWN}


def test_they_run_on_both_kinds() -> None:
    for file in {file for file, _ in NAMED}:
        text = (ROOT / file).read_text()
        assert "mark.embedded" not in text
        assert "mark.kafka" not in text
