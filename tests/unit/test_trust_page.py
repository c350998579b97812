"""``docs/trust.md``: each row names a test that exists."""

from __future__ import annotations

import ast
import re

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "trust.md").read_text()
ROWS = [
    line
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.endswith("| test |") and "---" not in line
]


def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, functions)}


def test_every_row_names_a_test_that_exists() -> None:
    assert len(ROWS) > 30
    for row in ROWS:
        found = re.search(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?` \|$", row)
        assert found, row
        file, name = found.groups()
        assert (ROOT / file).is_file(), row
        assert name is None or name in names_in(file), row
