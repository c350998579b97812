"""The libraries' faults are still there: when one is mended, its step-around can go.

Most of a program's time is spent waiting for a consumer group, so that several run at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.upstream.faults import (
    FAULTS,
    OUTLIVES_ITS_BROKER,
    Fault,
    check,
    run,
    run_past_its_broker,
    start_broker,
    stop,
)

pytestmark = [pytest.mark.stack, pytest.mark.embedded]
AT_A_TIME = 4
Outcome = Callable[[Fault], str]


@pytest.fixture(scope="module")
def outcome(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcome]:
    """What a program printed; all that are wanted are started at once."""
    wanted = [
        item.callspec.params["fault"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_fault.__name__
    ]
    broker, address = start_broker()

    def result(fault: Fault) -> str:
        folder = tmp_path_factory.mktemp(fault.program)
        if fault.program == OUTLIVES_ITS_BROKER:
            return run_past_its_broker(fault.path, folder)
        return run(fault.path, address, folder)

    try:
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            running = {fault: pool.submit(result, fault) for fault in wanted}
            yield lambda fault: running[fault].result()
            pool.shutdown(cancel_futures=True)
    finally:
        stop(broker)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=fault.program, marks=[pytest.mark.slow] if fault.slow else [])
        for fault in FAULTS
    ],
)
def test_fault(fault: Fault, outcome: Outcome) -> None:
    check(fault, outcome(fault))


def test_a_mended_fault_says_what_to_remove() -> None:
    with pytest.raises(
        AssertionError, match=r"step-around in consumers/worker/output.py, the program"
    ):
        check(Fault("full_batch_is_silent", "consumers/worker/output.py"), "mended: it raises\n")


def test_a_program_that_fails_shows_no_fault() -> None:
    with pytest.raises(AssertionError, match="neither fault nor mended"):
        check(FAULTS[0], "Traceback (most recent call last): ...\n")
