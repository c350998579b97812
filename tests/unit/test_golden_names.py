"""Golden files: each test has one of its own, under any name."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

STAND_IN = """
from types import SimpleNamespace
def outcome(n):
    counts = {"in": n, "scored": n, "labels": {"in": 0}, "context": {"in": 0}}
    return SimpleNamespace(account=counts, alerts=[], scores=[])
"""
TESTS = """
import pytest
from stand_in import outcome
def test_same(golden): golden(outcome(1))
class TestOne:
    def test_method(self, golden): golden(outcome(2))
class TestTwo:
    def test_method(self, golden): golden(outcome(3))
@pytest.mark.parametrize("pair", ["EUR/USD", "EUR-USD", pytest.param("long", id="x" * 300)])
def test_pair(golden, pair): golden(outcome(len(pair) + ("/" in pair)))
"""


def test_tests_of_one_name_have_texts_of_their_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        stand_in=STAND_IN,
        test_a=TESTS,
        test_b="from stand_in import outcome\ndef test_same(golden): golden(outcome(4))\n",
    )
    pytester.runpytest("--update-golden", "-p", "no:randomly").assert_outcomes(passed=7)
    assert len(list((pytester.path / "golden").iterdir())) == 7
    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=7)


def test_another_plugin_may_have_the_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        stand_in=STAND_IN,
        test_a="from stand_in import outcome\n"
        "def test_same(streamsim_golden, golden):\n"
        "    assert golden == 7\n"
        "    streamsim_golden(outcome(1))\n",
    )
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef golden(): return 7\n")
    pytester.runpytest("--update-golden", "-p", "no:randomly").assert_outcomes(passed=1)
    assert Path(pytester.path / "golden" / "test_a.test_same.txt").exists()
