"""The first request to stop is counted, the second ends the run; the handlers are given back."""

from __future__ import annotations

import signal

import pytest

from streamsim.simulator.run.stop_signals import Stop, StopSignals


def test_the_second_request_interrupts_unless_the_stack_is_stopping() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals() as signals:
        signal.raise_signal(signal.SIGINT)
        assert signals.count == 1
        with pytest.raises(Stop):
            signal.raise_signal(signal.SIGTERM)
        signals.interruptible = False
        signal.raise_signal(signal.SIGTERM)
        assert signals.count == 3
    assert signal.getsignal(signal.SIGTERM) is before
