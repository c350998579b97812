"""The live screen can be read on a terminal of 80 columns, and shows more on a wider one."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.run.view import LiveView
from streamsim.streams.domain_registry import domain_names, load_domain


@pytest.mark.parametrize(("width", "more"), [(80, False), (132, True)])
def test_every_word_of_the_screen_is_whole(width: int, more: bool) -> None:
    file = io.StringIO()
    view = LiveView(Console(file=file, width=width, height=40, force_terminal=True))
    view.held = {"finance": 0.62}
    ledgers = {name: Ledger(load_domain(name)) for name in domain_names()}
    with view:
        view.show(ledgers, 12.0)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    for word in (*domain_names(), "event time", "events/s", "p50 ms", "alerts", "62 %", "100 %"):
        assert word in shown
    assert ("accuracy" in shown) == ("p99 ms" in shown) == more
    assert "…" not in shown


def test_a_long_line_above_the_screen_is_broken_between_words() -> None:
    file = io.StringIO()
    view = LiveView(Console(file=file, width=80, height=40, force_terminal=True))
    told = (
        "2025-03-31 12:00:00  RESOLVED    metric low, model finance-fraud: average_precision 0.8, "
        "usually 0.814; bad since 2025-01-23 00:00"
    )
    view.say(told)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue()).splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(lines).split()[1:] == told.split()
