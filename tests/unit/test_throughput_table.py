"""``bench throughput`` has a row for each domain, each timed with its own number of events."""

from __future__ import annotations

from typing import Any

import pytest

from streamsim.benchmarks import throughput
from streamsim.benchmarks.throughput import EVENTS, FEWEST, Options, run


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Time nothing: note the domain, and return a result."""
    names: list[str] = []

    def pretend(name: str, options: Options) -> dict[str, Any]:
        names.append(name)
        return {
            "domain": name, "events": options.events or EVENTS.get(name, FEWEST),
            "workers": 1, "events_per_second": {"median": 2.0, "min": 1.0, "max": 3.0},
            "cpu_s_per_100k": 1.234, "service_cpu_s_per_100k": 0.5, "peak_mb": 100.0,
            "profile": None,
        }  # fmt: skip

    monkeypatch.setattr(throughput, "_run", pretend)
    return names


def test_without_a_domain_all_five_are_timed(
    timed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    report = run(Options())
    assert sorted(timed) == ["finance", "healthcare", "logistics", "retail", "technology"]
    assert [row["domain"] for row in report["domains"]] == timed
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert ["healthcare", "1", "8,000", "2", "(1-3)", "1.23", "0.50", "100"] in rows
    assert len(rows) == 1 + 5


def test_one_domain_is_reported_by_itself(timed: list[str]) -> None:
    report = run(Options(domain="retail", events=50))
    assert (timed, report["domain"], report["events"]) == (["retail"], "retail", 50)
