"""Card testing: a fraud pattern that takes the place of the old ones from a known time on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import numpy as np
import orjson

from streamsim.streams.calendar import EPOCH
from streamsim.streams.codec import parse_times
from streamsim.streams.domains.finance.card_testing import OPTIONS, CardTesting
from streamsim.streams.domains.finance.population import populate
from streamsim.streams.domains.finance.simulate import FinanceWorld, world
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.world import Slice

AT, DAYS = 5, 14
SIZE = {"cards": 400.0, "terminals": 300.0, "fraud": 12.0, "change_day": float(AT)}


def _bodies(slices: Iterable[Slice], source: str) -> list[dict[str, Any]]:
    return [
        orjson.loads(value)
        for piece in slices
        for emission in piece.emissions
        if emission.source == source
        for value in emission.values
    ]


def _run(options: Mapping[str, float]) -> tuple[FinanceWorld, list[Slice]]:
    made = world(3, {**SIZE, **options})
    return made, list(islice(made.slices(), DAYS * 24))


def test_the_new_frauds_are_small_by_night_and_at_sound_terminals() -> None:
    made, slices = _run({})
    paid = {body["event_id"]: body for body in _bodies(slices, "transactions")}
    frauds = [body for body in _bodies(slices, "truth") if body["kind"] == "card_testing"]
    assert len(frauds) > 100
    times = parse_times([body["event_time"] for body in frauds])
    onsets = parse_times([body["onset"] for body in frauds])
    assert (times >= onsets).all()
    assert (onsets >= EPOCH + AT * DAY).all()
    assert (times % DAY < 6 * HOUR).all()
    usual = dict(zip(made.people.card_id, np.exp(made.people.level), strict=True))
    share = [paid[b["transaction_id"]]["amount_cents"] / 100 / usual[b["card_id"]] for b in frauds]
    assert max(share) < 0.35
    rogue = {
        (body["terminal_id"], body["event_time"][:10])
        for body in _bodies(slices, "truth")
        if body["kind"] == "compromised_terminal"
    }
    assert not rogue & {(body["terminal_id"], body["event_time"][:10]) for body in frauds}


def test_at_full_size_no_old_fraud_begins_after_the_change() -> None:
    _, slices = _run({"change_size": 1.0})
    truth = [body for body in _bodies(slices, "truth") if "transaction_id" in body]
    late = parse_times([body["onset"] for body in truth]) >= EPOCH + AT * DAY
    kinds = Counter(body["kind"] for body, is_late in zip(truth, late, strict=True) if is_late)
    assert set(kinds) == {"card_testing"}
    assert {body["kind"] for body in truth} > {"card_testing", "large_amount"}


def test_the_change_leaves_the_genuine_payments_as_they_are() -> None:
    """A terminal that is not compromised stays open; else all are the same, also afterwards."""
    still, changed = (
        {
            orjson.dumps([body[n] for n in ("event_time", "card_id", "amount_cents")])
            for body in _bodies(_run({"fraud": fraud})[1], "transactions")
        }
        for fraud in (0.0, 1.0)
    )
    assert still - changed == set()


def test_it_grows_over_its_ramp() -> None:
    rings = CardTesting(
        1, populate(1, 50, 50), 1.0, {**OPTIONS, "change_day": 2.0, "change_ramp_days": 4.0}
    )
    sizes = [rings.size(EPOCH + day * DAY) for day in (0, 2, 4, 6, 9)]
    assert sizes == [0.0, 0.0, 0.4, 0.8, 0.8]
    onsets = [EPOCH + 9 * DAY] * 2000
    assert 0.15 < rings.kept("thefts", 9, onsets).mean() < 0.25
    assert rings.kept("thefts", 1, [EPOCH + DAY] * 50).all()


def test_without_a_sound_terminal_there_is_nothing_to_charge() -> None:
    rings = CardTesting(1, populate(1, 50, 5), 50.0, {**OPTIONS, "change_day": 1.0})
    rings.begin(1)
    assert rings.payments(1, range(4))
    assert rings.payments(1, range(5)) == []
