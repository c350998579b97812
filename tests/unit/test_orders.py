"""The command that answers a request is read as that request, and a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.models.adapting.requests import EVER, Request
from streamsim.simulator.run.adapting.logged_rows import Wanted
from streamsim.simulator.run.adapting.orders import command_of, order_of
from streamsim.streams.errors import UsageError
from streamsim.streams.spec.adapting import Trigger

REQUEST = Request(
    "3-20250113T000000", (Trigger.DRIFT,), ("a feature",), 9_000, EVER, 7_000, 9_000,
    ((1_000, 2_000), (3_000, 4_000)),
)  # fmt: skip


def command(folder: Path, **numbers: float) -> list[str]:
    whole = command_of(
        REQUEST, domain="finance", champion="4", broker="127.0.0.1:9092", run=folder / "run",
        out=folder / "outcome.json", priority="low", numbers=numbers,
    )  # fmt: skip
    assert whole[1:3] == ["-m", "streamsim.simulator.run.adapting.retraining"]
    return whole[3:]


def test_a_request_is_read_back_from_its_command(tmp_path: Path) -> None:
    order, priority = order_of(command(tmp_path, most=9_000, better=0.25))
    assert order.wanted == Wanted(EVER, 7_000, 9_000, 9_000, REQUEST.without)
    assert order.adaptation.margins.better == 0.25
    assert (order.request, order.champion, order.spec.name) == (REQUEST.id, "4", "finance")
    assert order.run.root == tmp_path / "run"
    assert priority == "low"
    assert Request.from_dict(REQUEST.as_dict()) == REQUEST


@pytest.mark.parametrize(
    ("argument", "match"),
    [
        ("--without=7", "BEGIN:END, not '7'"),
        ("--set=speed=1", "no number 'speed' of an adaptation; there are better, brier"),
        ("--set=most=many", "most is a number, not 'many'"),
        ("--set=holdout=2", "between 0 and 1, not 2"),
        ("--domain=tides", "no domain 'tides'"),
    ],
)
def test_a_wrong_argument_is_refused_in_a_line(tmp_path: Path, argument: str, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        order_of([*command(tmp_path), argument])
