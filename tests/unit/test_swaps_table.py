"""``bench swaps`` runs on each broker at each rate, and tells what it found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamsim.benchmarks import swaps
from streamsim.benchmarks.fault_injection.live_versions import Live
from streamsim.benchmarks.fault_injection.swap_plan import ACTIONS, EVERY, KILLED, make_steps
from streamsim.benchmarks.fault_injection.swap_run import Swaps
from streamsim.benchmarks.fault_injection.told_plans import Timeline, Told
from streamsim.benchmarks.fault_injection.verdict import Verdict
from streamsim.benchmarks.swaps import Options, as_table, row_of, run
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.spec import DomainSpec

VERSIONS = ("1", "2", "3", "4")
FOUND = Swaps(
    Verdict(1000, 1200, 0, 0, 3, ()),
    Live(Timeline([Told(0, "1")], 9, 20, 0, ()), 12, {"1": 600, "2": 400}, 50, 0, 90, 100, 7, ()),
    0,
    4,
    5_001.0,
    4_990.0,
    {"worker": 2},
    (),
)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Swap nothing: note the broker and the rate, and say that all went well."""
    noted: list[tuple[str, float]] = []

    def pretend(spec: DomainSpec, options: Options, broker: str, rate: float) -> Swaps:
        noted.append((broker, rate))
        return replace(FOUND, faults=("one is lost",)) if options.seed == 13 else FOUND

    monkeypatch.setattr(swaps, "_run", pretend)
    monkeypatch.setattr(swaps, "subject", load_domain)  # which trains nothing
    return noted


def test_every_broker_runs_at_every_rate(
    ran: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    report = run(Options(broker="both", rates="5000,9000"))
    assert ran == [(broker, rate) for broker in ("embedded", "kafka") for rate in (5000.0, 9000.0)]
    assert [row["decisions"] for row in report["rows"]] == [20] * 4
    printed = capsys.readouterr().out
    assert "killed on kafka: worker 2" in printed
    assert printed.count("the rate was not reached") == 2  # 5,001 of 9,000, on each broker


def test_a_fault_fails_and_says_how_to_repeat_it(ran: list[tuple[str, float]]) -> None:
    with pytest.raises(ExpectationError, match="one is lost") as failed:
        run(Options(seed=13, runs=6))
    assert "streamsim bench swaps --seed 13 --runs 6" in str(failed.value)


@pytest.mark.parametrize("options", [Options(rates="fast"), Options(broker="other")])
def test_a_mistake_is_named(options: Options, ran: list[tuple[str, float]]) -> None:
    with pytest.raises(UsageError):
        run(options)
    assert not ran


def test_the_table_has_a_column_per_run() -> None:
    lines = as_table([row_of(FOUND, "embedded", 5000.0), row_of(FOUND, "kafka", 5000.0)])
    found = {line[:34].strip(): line[34:].split() for line in lines.splitlines()}
    assert found[""] == ["embedded", "kafka"]
    assert found["plans that scored an event"] == ["12", "12"]
    assert found["requests failed, service killed"] == ["4", "4"]


@pytest.mark.parametrize("seed", range(20))
def test_steps_can_be_carried_out_in_their_order(seed: int) -> None:
    steps = make_steps(VERSIONS, 20, seed)
    assert steps == make_steps(VERSIONS, 20, seed)
    champions, beside = [VERSIONS[0]], False
    for step in steps:
        assert step.version != champions[-1]
        assert bool(step.version) == (step.action in ("shadow", "canary", "promote"))
        if step.action == "promote":
            champions.append(step.version)
        if step.action == "rollback":
            champions.append(next(v for v in reversed(champions) if v != champions[-1]))
        if step.action == "withdraw":
            assert beside
        beside = step.action in ("shadow", "canary") or (beside and step.action == "set")
    assert {step.action for step in steps} == set(ACTIONS)
    assert sum(bool(step.kill) for step in steps) == 20 // EVERY
    assert {step.kill for step in steps} - {""} == set(KILLED)
    assert not any(step.kill for step in make_steps(VERSIONS, 20, seed, kills=False))
