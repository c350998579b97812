"""The BG/NBD model finds again what made its customers, and says how likely they are to return."""

from __future__ import annotations

import numpy as np
import pytest

from streamsim.benchmarks.studies.buying import BgNbd, Purchases, purchases_by
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Floats, Ints

TRUE = BgNbd(r=0.8, alpha=6.0, a=0.9, b=3.0, log_likelihood=0.0)
END, HORIZON = 60.0, 10.0


def world(customers: int, seed: int) -> tuple[Ints, Floats]:
    """Let customers buy as the model says; return who bought when."""
    random = np.random.default_rng(seed)
    who, when = [], []
    for customer in range(customers):
        rate = random.gamma(TRUE.r, 1 / TRUE.alpha)
        drops = random.beta(TRUE.a, TRUE.b)
        first = time = random.uniform(0, 20)
        while time < END + HORIZON:
            who.append(customer)
            when.append(time)
            # No household drops out at the first purchase: the model counts from there.
            if time > first and random.random() < drops:
                break
            time += random.exponential(1 / rate)
    return np.array(who), np.array(when)


@pytest.fixture(scope="module")
def bought() -> tuple[Ints, Floats]:
    return world(6_000, seed=11)


@pytest.fixture(scope="module")
def purchases(bought: tuple[Ints, Floats]) -> Purchases:
    return purchases_by(*bought, END)


def test_the_parameters_are_found_again(purchases: Purchases) -> None:
    found = BgNbd.fit(purchases)
    assert found.r == pytest.approx(TRUE.r, rel=0.1)
    assert found.alpha == pytest.approx(TRUE.alpha, rel=0.12)
    assert found.a / (found.a + found.b) == pytest.approx(TRUE.a / (TRUE.a + TRUE.b), rel=0.1)


def test_who_is_said_to_return_does_so_as_often(
    bought: tuple[Ints, Floats], purchases: Purchases
) -> None:
    who, when = bought
    chance = BgNbd.fit(purchases).buys_within(purchases, HORIZON)
    returned = np.isin(np.unique(who), who[(when > END) & (when <= END + HORIZON)])
    order = np.argsort(chance)
    for group in np.array_split(order, 8):
        expected, n = chance[group].mean(), len(group)
        error = 4 * np.sqrt(expected * (1 - expected) / n) + 0.01
        assert abs(returned[group].mean() - expected) < error


def test_whoever_has_been_away_for_longer_than_usual_is_less_likely_to_return() -> None:
    regular = Purchases(np.array([10, 10, 0]), np.array([50.0, 20.0, 0.0]), np.full(3, 52.0))
    lately, lapsed, once = TRUE.alive(regular)
    assert lately > 0.8 > 0.1 > lapsed
    assert once == 1.0
    assert (np.diff(TRUE.buys_within(regular, 14.0)) < 0)[0]
    assert (TRUE.buys_within(regular, 14.0) > TRUE.buys_within(regular, 1.0)).all()


def test_nothing_can_be_learnt_where_nobody_buys_twice() -> None:
    once = Purchases(np.zeros(50, np.int64), np.zeros(50), np.full(50, 9.0))
    with pytest.raises(ModelError, match="no maximum"):
        BgNbd.fit(once)
    with pytest.raises(ModelError, match="end before they begin"):
        Purchases(np.array([1]), np.array([3.0]), np.array([2.0]))
