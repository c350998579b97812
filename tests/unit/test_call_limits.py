"""The service's fair shares: a model that is asked too much takes nothing from the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from streamsim.models.serving.call_limits import CallLimits
from streamsim.streams.errors import BadRequest
from tests.stacks import until


def test_a_model_with_all_its_calls_is_refused_and_another_is_not() -> None:
    limits, go = CallLimits(inside=3, working=1), threading.Event()

    def call(model: str, work: Callable[[], object]) -> str:
        with limits.call(model):
            work()
            return model

    with ThreadPoolExecutor(8) as pool:
        slow = [pool.submit(call, "slow", go.wait) for _ in range(3)]
        try:
            until(lambda: limits._here["slow"] == 3, "three calls")
            with pytest.raises(BadRequest, match="try again") as refused:
                call("slow", go.wait)
            assert refused.value.status == 503
            assert pool.submit(call, "quick", lambda: None).result(30) == "quick"
            assert not any(future.done() for future in slow)
        finally:
            go.set()
        assert [future.result(30) for future in slow] == ["slow"] * 3
    assert call("slow", lambda: None) == "slow"


def test_a_call_that_fails_gives_its_place_back() -> None:
    limits = CallLimits(inside=1, working=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limits.call("model"):
            raise ZeroDivisionError


def test_a_version_that_hangs_keeps_no_other_version_waiting() -> None:
    limits, go = CallLimits(inside=8, working=1, wait_s=0.01), threading.Event()

    def call(version: str, work: Callable[[], object], most: int | None = None) -> str:
        with limits.call("model", version, most):
            work()
            return version

    with ThreadPoolExecutor(8) as pool:
        hangs = pool.submit(call, "2", go.wait)
        try:
            until(lambda: limits._here["model"] == 1, "a call that hangs")
            for _ in range(9):
                with pytest.raises(BadRequest, match="try again"):  # after it has waited
                    call("2", go.wait, 4)
            with pytest.raises(BadRequest, match="try again"):  # at once
                call("2", go.wait, 1)
            assert call("1", lambda: None) == "1"
        finally:
            go.set()
        assert hangs.result(30) == "2"
    assert not limits._of
