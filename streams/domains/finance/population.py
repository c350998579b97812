"""Finance: simulated population of cards and terminals, with their places and habits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats, Ints, Mask, Objects, as_objects
from streamsim.streams.seeds import stream

CATEGORIES = (
    "grocery",
    "fuel",
    "restaurant",
    "clothing",
    "electronics",
    "travel",
    "pharmacy",
    "online",
)
_SHARE = np.array([0.28, 0.12, 0.20, 0.12, 0.05, 0.04, 0.07, 0.12])
PRICE = np.array([1.0, 1.2, 1.1, 1.5, 1.8, 2.0, 0.7, 1.2])
"""Typical amount per category, relative to a card's own level."""
ONLINE = CATEGORIES.index("online")

NEAR = 25
"""How many terminals a card visits habitually."""

_DAY_HOURS = np.array(
    [1, 1, 1, 1, 1, 2, 6, 14, 22, 26, 30, 36, 44, 38, 30, 30, 34, 46, 52, 44, 30, 18, 8, 3], float
)
_NIGHT_HOURS = np.array(
    [26, 22, 16, 10, 6, 3, 2, 3, 5, 7, 9, 12, 16, 16, 14, 14, 16, 20, 26, 32, 38, 42, 40, 34], float
)


@dataclass(frozen=True, slots=True)
class Population:
    """Stable traits of one world's cards and terminals.

    Attributes
    ----------
    rate
        Transactions per day and card.
    level, spread
        Mean and standard deviation of the logarithm of a card's amounts (EUR).
    owl
        Share of a card's transactions that follow the night rhythm.
    habit
        Terminals that a card visits, most visited first, shape ``(n_cards, NEAR)``.
    visits
        Cumulative probability of the ranks in ``habit``.
    rhythm
        Cumulative probability of the 24 hours, by day and by night, shape ``(2, 24)``.
    """

    card_id: Objects
    terminal_id: Objects
    category: Ints
    rate: Floats
    level: Floats
    spread: Floats
    owl: Floats
    habit: npt.NDArray[np.intp]
    visits: Floats
    rhythm: Floats


def populate(seed: int, cards: int, terminals: int) -> Population:
    """Draw a population: a square of 100 by 100 km, homes and shops spread over it."""
    draw = stream(seed, "terminals")
    shop = draw.uniform(0, 100, (terminals, 2))
    category = draw.choice(len(CATEGORIES), terminals, p=_SHARE)
    draw = stream(seed, "cards")
    home = draw.uniform(0, 100, (cards, 2))
    rate = np.clip(draw.gamma(2.0, 1.0, cards), 0.15, 8.0)
    level = np.log(20.0) + draw.normal(0, 0.45, cards)
    spread = draw.uniform(0.20, 0.36, cards)
    owl = draw.beta(0.6, 4.0, cards)
    near = min(NEAR, terminals)
    ranks = 1.0 / np.arange(1, near + 1) ** 0.8
    rhythm = np.cumsum(np.stack([_DAY_HOURS, _NIGHT_HOURS]), axis=1)
    return Population(
        card_id=as_objects(f"c{i:06d}" for i in range(cards)),
        terminal_id=as_objects(f"t{i:05d}" for i in range(terminals)),
        category=category,
        rate=rate,
        level=level,
        spread=spread,
        owl=owl,
        habit=_habits(stream(seed, "habits"), home, shop, category == ONLINE, near),
        visits=np.cumsum(ranks) / ranks.sum(),
        rhythm=rhythm / rhythm[:, -1:],
    )


def _habits(
    draw: np.random.Generator,
    home: Floats,
    shop: Floats,
    online: Mask,
    near: int,
) -> npt.NDArray[np.intp]:
    """Pick each card's terminals: the nearest ones, with online shops near all cards."""
    habit = np.empty((len(home), near), np.intp)
    for start in range(0, len(home), 1000):  # keeps the distance matrix small
        part = slice(start, start + 1000)
        distance = np.linalg.norm(home[part, None, :] - shop[None, :, :], axis=2)
        distance[:, online] = 12.0
        distance *= draw.uniform(0.5, 1.5, distance.shape)
        nearest = np.argpartition(distance, near - 1, axis=1)[:, :near]
        order = np.argsort(np.take_along_axis(distance, nearest, axis=1), axis=1)
        habit[part] = np.take_along_axis(nearest, order, axis=1)
    return habit
