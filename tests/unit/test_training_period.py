"""The first part of a file is learnt from, as far as its labels were known at the end of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.simulator.training_period import (
    Period,
    between,
    event_times,
    first_part,
    parse_day,
    spelled,
    up_to,
)
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec import DAY
from streamsim.streams.spec.world import Slice

FINANCE = load_domain("finance")
START = parse_day("2025-03-01")


@pytest.fixture
def payments(tmp_path: Path) -> Path:
    """Write a payment a day for forty days, and one whose time cannot be read."""
    head = "event_id,event_time,card_id,terminal_id,amount_cents"
    days = [f"t{i},{spelled(START + i * DAY)},c,p,100" for i in range(40)]
    file = tmp_path / "payments.csv"
    file.write_text("\n".join([head, "bad,soon,c,p,1", *days]) + "\n")
    return file


@pytest.mark.parametrize(("size", "count"), [("50%", 20), ("20", 20), ("75.5%", 30), ("39", 39)])
def test_a_share_or_a_number_of_events(payments: Path, size: str, count: int) -> None:
    period = first_part(FINANCE, payments, size)
    known = START + count * DAY
    assert period == Period(NO_TIME, known - FINANCE.labels.delay, known)


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ("half", "takes a share like 70% or a number of events, not 'half'"),
        ("100%", "takes a share"),
        ("-3", "takes a share"),
        ("nan%", "takes a share"),
        ("1.5", "takes a share"),
        ("40", "payments.csv has 40 events"),
        ("1%", "payments.csv has 40 events"),
        ("10%", "these events span 4 days, and labels of finance are final after 7 days"),
    ],
)
def test_what_leaves_nothing_to_learn_or_to_stream_is_refused(
    payments: Path, size: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason.replace("(", r"\(")):
        first_part(FINANCE, payments, size)


def test_events_without_a_time_are_not_counted(payments: Path) -> None:
    assert len(event_times(FINANCE, payments)) == 40


def test_a_period_between_days_has_all_of_its_labels() -> None:
    period = between(FINANCE, START, START + DAY)
    assert period.known == START + DAY + FINANCE.labels.delay


def test_slices_end_with_the_one_that_reaches_the_time() -> None:
    pieces = [Slice(until, ()) for until in (10, 20, 30)]
    assert [piece.until for piece in up_to(pieces, 15)] == [10, 20]
    assert [piece.until for piece in up_to(pieces, 20)] == [10, 20]
