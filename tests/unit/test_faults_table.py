"""``bench faults`` plants the faults of each broker, and tells the brokers apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamsim.benchmarks import faults
from streamsim.benchmarks.fault_injection.broker_faults import LEADS_NOTHING
from streamsim.benchmarks.fault_injection.fault_plan import FAULTS, Fault, faults_of
from streamsim.benchmarks.fault_injection.fault_run import Result
from streamsim.benchmarks.fault_injection.verdict import Verdict
from streamsim.benchmarks.faults import KAFKA, RECOVER_S, Options, run
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.settings import EMBEDDED
from streamsim.streams.spec import DomainSpec

Planted = list[tuple[str, str]]
SLOW = "service slow"


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Planted:
    """Plant nothing: note the broker's kind and the fault, and say that all went well."""
    noted: Planted = []

    def pretend(spec: DomainSpec, fault: Fault, seed: int, folder: Path, broker: str) -> Result:
        noted.append((broker, fault.name))
        on_kafka = broker == KAFKA
        recovery_s = RECOVER_S + 1 if on_kafka and fault.name == SLOW else 1.0 + on_kafka
        return Result(seed, fault, Verdict(1000, 1200, 0, 0, 3, ()), recovery_s, 80.0, 50)

    monkeypatch.setattr(faults, "_run", pretend)
    monkeypatch.setattr(faults, "subject", load_domain)  # which trains nothing
    return noted


def rows(printed: str) -> list[list[str]]:
    """Return the lines of the table, each as fault and the rest."""
    table = printed[printed.index("\nfault ") :].strip().splitlines()
    return [[line[:42].strip(), *line[42:].split()] for line in table[1:]]


def test_both_brokers_have_each_of_their_faults_in_one_table(
    planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ExpectationError) as failed:
        run(Options(broker="both"))
    each = [(broker, name) for broker in (EMBEDDED, KAFKA) for name in faults_of(broker)]
    assert planted == each
    printed = rows(capsys.readouterr().out)
    assert [row[:2] for row in printed] == [
        [name, broker]
        for name in FAULTS
        for broker in (EMBEDDED, KAFKA)
        if name in faults_of(broker)
    ]
    assert printed[0][2:] == ["1", "1,000", "0", "0", "3", "1.0", "(1.0)"]
    assert printed[1][2:] == ["1", "1,000", "0", "0", "3", "2.0", "(2.0)"]
    # What failed is told with the broker to repeat it on.
    assert str(failed.value).count("again:") == 1
    assert f"recovery took {RECOVER_S + 1:.1f} s" in str(failed.value)
    assert str(failed.value).endswith("--broker kafka")


def test_the_report_on_both_is_that_on_each(planted: Planted) -> None:
    def report(broker: str) -> dict[str, Any]:
        return run(Options(broker=broker, runs=2))

    assert report("both") == {"broker": "both", "brokers": [report(EMBEDDED), report(KAFKA)]}


def test_one_broker_needs_no_column(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    run(Options(runs=1))
    assert rows(capsys.readouterr().out) == [
        [next(iter(FAULTS)), "1", "1,000", "0", "0", "3", "1.0", "(1.0)"]
    ]


def test_a_fault_of_one_broker_is_planted_there_alone(planted: Planted) -> None:
    run(Options(broker="both", fault=LEADS_NOTHING, runs=2))
    assert planted == [(EMBEDDED, LEADS_NOTHING)] * 2
    with pytest.raises(UsageError, match=LEADS_NOTHING):
        run(Options(broker=KAFKA, fault=LEADS_NOTHING))
    with pytest.raises(UsageError, match="embedded, kafka, both"):
        run(Options(broker="localhost:9092"))
