"""Training on a file says why it cannot: no labels, no order of time."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.models.registry import Registry
from streamsim.simulator.model_training import train_on_files
from streamsim.simulator.training_period import Period, parse_day, spelled
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec import DAY

FINANCE = load_domain("finance")
START = parse_day("2025-03-01")
HEAD = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD"
WHOLE = Period(NO_TIME, START + 40 * DAY, START + 47 * DAY)


def write(path: Path, days: list[int], fraud: str) -> Path:
    rows = [f"{i},{spelled(START + day * DAY)},c,t,9.50,{fraud}" for i, day in enumerate(days)]
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    return path


def test_a_file_without_labels_teaches_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "hb.csv", list(range(40)), "0")
    with pytest.raises(UsageError, match=r"has no labels \(chargebacks\)"):
        train_on_files(FINANCE, Registry(tmp_path), file, WHOLE)


def test_a_file_in_no_order_of_time_is_named_as_that(tmp_path: Path) -> None:
    """As one that lies card by card: after the first card, all is late."""
    file = write(tmp_path / "hb.csv", [*range(20), *range(20)], "1")
    with pytest.raises(UsageError, match=r"11 of 33 events are late.*\[file\] order"):
        train_on_files(FINANCE, Registry(tmp_path), file, WHOLE)
