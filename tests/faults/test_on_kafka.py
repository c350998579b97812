"""The same faults on Apache Kafka, and those of the broker itself that can be had there."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from streamsim.benchmarks.fault_injection.broker_faults import FROZEN, KILLED, REFUSES
from streamsim.benchmarks.fault_injection.fault_plan import named_fault
from streamsim.benchmarks.fault_injection.fault_run import run_fault
from streamsim.benchmarks.faults import KAFKA, Options, again
from streamsim.models.registry import Registry
from streamsim.simulator.brokers.apache import ApacheKafka
from streamsim.streams.spec import DomainSpec

pytestmark = [
    pytest.mark.stack,
    pytest.mark.kafka,
    # kafka-python leaks a socket for every connection that is refused: see docs/faust.md.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

CHOSEN = (
    "worker killed",
    "worker frozen",
    "worker joins and another is killed",
    "worker killed while the service is gone",
    "poison",
    KILLED,
    FROZEN,
    REFUSES,
)


@pytest.mark.parametrize("name", CHOSEN)
def test_a_fault_loses_and_doubles_nothing(
    name: str,
    finance: DomainSpec,
    registry: Registry,
    broker_process: ApacheKafka,
    tmp_path: Path,
) -> None:
    fault = named_fault(name, 1)
    result = run_fault(finance, fault, 1, tmp_path, broker_process)
    gc.collect()  # collect leaked sockets here, so that they do not fail another test
    how = f"{fault}; {again(1, Options(fault=name, broker=KAFKA))}"
    assert not result.verdict.faults, how
    assert (result.verdict.lost, result.verdict.doubled) == (0, 0), how
    assert result.verdict.records > 10_000
