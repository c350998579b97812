"""Technology: what can be watched. One catalogue for all seeds, to which titles are added."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Floats, Ints
from streamsim.streams.seeds import stream
from streamsim.streams.spec.world import Emission

from .schema import CATALOGUE

GENRES = (
    "drama", "comedy", "thriller", "crime", "romance", "science fiction",
    "documentary", "family", "animation", "horror", "history", "sport",
)  # fmt: skip
_SHARE = np.array([0.16, 0.16, 0.12, 0.1, 0.08, 0.08, 0.08, 0.07, 0.05, 0.04, 0.03, 0.03])
TRAITS = 12
"""Numbers by which titles and tastes are compared."""
_CATALOGUE = 4_212
"""Seed of the catalogue: which titles there are does not depend on who watches."""
AT_EPOCH, EVERY, ALL = 500, 2, 1_000
"""Titles on offer where the worlds begin, days between two new ones, and how many come at all."""
SAGA = 3
"""So many titles in a row belong together, where they do."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every title that there will ever be, in order of release.

    Attributes
    ----------
    traits
        Unit vectors, shape ``(n, TRAITS)``: what a title is like.
    appeal
        How many it pleases, whatever their taste.
    saga
        Which titles belong together; -1 for those that stand alone.
    """

    genre: Ints
    second: Ints
    traits: Floats
    appeal: Floats
    saga: Ints
    length_min: Ints
    year: Ints

    def __len__(self) -> int:
        return len(self.genre)


@cache
def catalogue() -> Catalogue:
    """Return the catalogue."""
    draw = stream(_CATALOGUE, "titles")
    genre = draw.choice(len(GENRES), ALL, p=_SHARE)
    second = draw.choice(len(GENRES), ALL, p=_SHARE)
    block = np.arange(ALL) // SAGA
    saga = np.where((draw.random(ALL // SAGA + 1) < 0.45)[block], block, -1)
    together = saga >= 0
    genre = np.where(together, genre[block * SAGA], genre)
    second = np.where(together, second[block * SAGA], second)
    middle = genres()
    noise = draw.normal(0, 0.16, (ALL, TRAITS))
    traits = middle[genre] + 0.45 * middle[second] + noise
    length = np.clip(draw.normal(75, 30, ALL), 20, 180).astype(np.int64)
    year = 2026 - np.minimum(draw.exponential(9.0, ALL), 70).astype(np.int64)
    return Catalogue(
        genre=genre,
        second=second,
        traits=traits / np.linalg.norm(traits, axis=1, keepdims=True),
        appeal=draw.normal(0, 0.7, ALL),
        saga=saga,
        length_min=length,
        year=np.where(np.arange(ALL) >= AT_EPOCH, 2025, year),
    )


@cache
def genres() -> Floats:
    """Return what a title of each genre is like, shape ``(n_genres, TRAITS)``, unit vectors."""
    middle = stream(_CATALOGUE, "genres").normal(0, 1, (len(GENRES), TRAITS))
    unit: Floats = middle / np.linalg.norm(middle, axis=1, keepdims=True)
    return unit


def on_offer(day: float) -> int:
    """Return how many titles there are on a day, counted from where the worlds begin.

    >>> on_offer(-2), on_offer(0), on_offer(3)
    (499, 500, 501)
    """
    return int(min(AT_EPOCH + np.floor(day / EVERY), ALL))


def released(day: int, first: int, start: int) -> Emission:
    """Say which titles have come on offer: those from ``first`` on, on a day that starts then."""
    every, last = catalogue(), on_offer(day)
    rows = np.arange(first, last)
    time = np.full(len(rows), start)
    values = encode_objects(
        {
            "event_id": [f"title-{i + 1}" for i in rows.tolist()],
            "event_time": format_times(time),
            "title_id": [f"t{i + 1:04d}" for i in rows.tolist()],
            "title_no": (rows + 1).tolist(),
            "genre": [GENRES[g] for g in every.genre[rows].tolist()],
            "second_genre": [GENRES[g] for g in every.second[rows].tolist()],
            "year": every.year[rows].tolist(),
            "length_min": every.length_min[rows].tolist(),
        }
    )
    keys: list[bytes | None] = [b"t%04d" % (i + 1) for i in rows.tolist()]
    return Emission(CATALOGUE.name, time, time, keys, values)


def age(day: float, titles: Ints) -> Floats:
    """Return how long titles have been on offer (days)."""
    days: Floats = np.maximum(day - (titles - AT_EPOCH) * EVERY, 0.0)
    return days
