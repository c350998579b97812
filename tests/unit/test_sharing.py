"""What is run together: tests that share something, and no others in the long files."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.sharing import APART, BY_DOMAIN, ORDER, rank, unit


@pytest.mark.parametrize("name", [*APART, BY_DOMAIN, *(f"tests/{folder}" for folder in ORDER)])
def test_what_is_named_exists(name: str) -> None:
    file, _, test = name.partition("::")
    assert (ROOT / file).exists()
    assert not test or f"def {test}(" in (ROOT / file).read_text()


def test_tests_of_a_file_stay_together_but_for_those_that_are_named() -> None:
    file = "tests/integration/test_commands.py"
    assert unit(f"{file}::test_one[a]") == unit(f"{file}::test_other") == file
    apart = [f"tests/integration/test_supervisor.py::test_{name}" for name in "ab"]
    assert [unit(nodeid) for nodeid in apart] == apart


def test_tests_of_a_domain_stay_together() -> None:
    file = "tests/contract/test_features.py"
    own = {unit(f"{file}::test_{name}") for name in ("a[retail]", "b[retail-8]", "b[retail-9]")}
    assert own == {f"{file}::retail"}
    assert unit(f"{file}::test_a[finance]") not in own


def test_long_tests_begin_before_short_ones() -> None:
    names = ["tests/unit/test_a.py", "tests/contract/test_a.py::retail", "tests/faults/test_a.py"]
    assert sorted(names, key=rank) == names[::-1]
