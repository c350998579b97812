"""The type of ``replay``, and the equality of two outcomes."""

from __future__ import annotations

from collections.abc import Callable

from streamsim.simulator.testing.outcome import Outcome

Replay = Callable[..., Outcome]


def alike(a: Outcome, b: Outcome) -> None:
    assert a.scores == b.scores
    assert a.alerts == b.alerts
    assert sorted(a.dead, key=str) == sorted(b.dead, key=str)
    assert sorted(a.late, key=str) == sorted(b.late, key=str)
    assert {k: b.account[k] for k in a.account} == dict(a.account)
