"""Retail: simulated town of households with habits, and stores with tills of three vendors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats, Ints, Mask, Objects, as_objects
from streamsim.streams.seeds import stream

VENDORS = ("a", "b", "c")
STORES = 36
DEPARTMENTS = ("GROCERY", "DRUG GM", "PRODUCE", "MEAT-PCKGD", "MEAT", "DELI", "NUTRITION", "FUEL")
_DEPARTMENT_SHARE = np.array([0.61, 0.11, 0.11, 0.05, 0.04, 0.04, 0.02, 0.02])
PRODUCTS = 4_000

AGES = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")
INCOMES = ("Under 15K", "15-24K", "25-34K", "35-49K", "50-74K", "75-99K", "100-124K", "125-149K")
SIZES = ("1", "2", "3", "4", "5+")

_HOURS = np.array(
    [3, 1, 1, 1, 1, 2, 6, 14, 22, 30, 38, 44, 48, 46, 44, 48, 56, 62, 58, 46, 34, 24, 14, 7], float
)
"""Purchases by hour of the day, local time."""


@dataclass(frozen=True, slots=True)
class _Style:
    """A shopping style: its share, mean days between visits, regularity, lines of a basket."""

    share: float
    gap: float
    regular: float
    lines: float


_STYLES = (
    _Style(0.25, 3.0, 1.6, 3.0),  # small purchases, every few days
    _Style(0.35, 6.5, 6.0, 5.0),  # once a week
    _Style(0.20, 10.0, 30.0, 7.5),  # a carload every other week
    _Style(0.20, 13.0, 0.8, 5.0),  # now and then, irregularly
)


@dataclass(frozen=True, slots=True)
class Town:
    """Stable traits of one world's households, stores and products.

    Attributes
    ----------
    gap, regular
        Mean days between a household's visits, and their regularity: the shape of a gamma
        distribution, 1 for no regularity.
    lines, level
        Mean lines of a basket; logarithm of a household's usual price level.
    deals
        Share of a household's lines that are on promotion.
    leaving
        Chance per day that a household begins to lapse.
    begins
        Day of the first visit; below 0 for households from before the world's beginning.
    tourist
        Households that visit a few times only.
    stores
        A household's stores, the nearest first, shape ``(n, 3)``.
    age, income, size, kids, owner, married
        Demographics, as codes.
    on_file
        Whether the customer database knows the household.
    member, responds
        Whether it is in the loyalty programme, and how often it redeems coupons.
    """

    household_id: Objects
    gap: Floats
    regular: Floats
    lines: Floats
    level: Floats
    deals: Floats
    leaving: Floats
    begins: Ints
    tourist: Mask
    stores: npt.NDArray[np.intp]
    age: Ints
    income: Ints
    size: Ints
    kids: Ints
    owner: Mask
    married: Mask
    on_file: Mask
    member: Mask
    responds: Floats
    store_id: Objects
    store_vendor: Ints
    price: Floats
    department: Ints
    rhythm: Floats

    def __len__(self) -> int:
        return len(self.household_id)


def draw_town(seed: int, households: int) -> Town:
    """Draw a town."""
    draw = stream(seed, "demographics")
    n = households
    size = draw.choice(5, n, p=[0.3, 0.36, 0.15, 0.12, 0.07])
    kids = np.where(size >= 2, np.minimum(draw.binomial(size, 0.45), 3), 0)
    age = draw.choice(6, n, p=[0.06, 0.18, 0.24, 0.32, 0.1, 0.1])
    income = np.clip(draw.binomial(7, 0.28 + 0.05 * np.minimum(age, 4)), 0, 7)
    owner = draw.random(n) < 0.25 + 0.09 * age + 0.03 * income
    married = draw.random(n) < np.where(size >= 2, 0.7, 0.1)
    on_file = draw.random(n) < 0.4

    draw = stream(seed, "habits")
    style = draw.choice(len(_STYLES), n, p=[s.share for s in _STYLES])
    spread = np.exp(draw.normal(0, 0.12, n))
    gap = np.array([s.gap for s in _STYLES])[style] * spread
    regular = np.array([s.regular for s in _STYLES])[style] * np.exp(draw.normal(0, 0.3, n))
    lines = np.array([s.lines for s in _STYLES])[style] * (0.7 + 0.12 * size)
    lines *= np.exp(draw.normal(0, 0.25, n))
    level = draw.normal(0.0, 0.25, n) + 0.03 * income
    deals = draw.beta(4, 6, n)
    begins = np.where(draw.random(n) < 0.7, -1, draw.integers(0, 120, n))
    tourist = (begins >= 0) & (draw.random(n) < 0.35)

    draw = stream(seed, "loyalty")
    member = draw.random(n) < 0.35 + 0.05 * size
    responds = np.where(member, draw.beta(1.2, 4.0, n), 0.0)
    # Young renters and non-members leave more often; no single trait decides it.
    leaving = 0.004 * np.exp(
        0.5 * (age <= 1) - 0.4 * owner - 0.6 * (responds > 0.25) + draw.normal(0, 0.3, n)
    )

    draw = stream(seed, "stores")
    home, shop = draw.uniform(0, 30, (n, 2)), draw.uniform(0, 30, (STORES, 2))
    distance = np.linalg.norm(home[:, None] - shop[None], axis=2) * draw.uniform(0.7, 1.3)
    draw = stream(seed, "products")
    return Town(
        household_id=as_objects(str(i) for i in range(1, n + 1)),
        gap=gap,
        regular=regular,
        lines=lines,
        level=level,
        deals=deals,
        leaving=leaving,
        begins=begins,
        tourist=tourist,
        stores=np.argsort(distance, axis=1)[:, :3],
        age=age,
        income=income,
        size=size,
        kids=kids,
        owner=owner,
        married=married,
        on_file=on_file,
        member=member,
        responds=responds,
        store_id=as_objects(str(300 + i) for i in range(STORES)),
        store_vendor=np.arange(STORES) % len(VENDORS),
        price=np.exp(draw.normal(1.0, 0.6, PRODUCTS)),
        department=draw.choice(len(DEPARTMENTS), PRODUCTS, p=_DEPARTMENT_SHARE),
        rhythm=np.cumsum(_HOURS) / _HOURS.sum(),
    )
