"""Technology: simulated catalogue of titles, the same for all seeds, to which titles are added.

A catalogue can turn over at a known time. Services license most titles for a term, and a studio
that opens a service of its own takes its titles with it, as Disney did with Netflix in 2019: many
go within days, and as many others come. The feed of titles tells what comes, not what goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Floats, Ints, Mask
from streamsim.streams.seeds import stream
from streamsim.streams.spec.world import Emission
from streamsim.streams.spec.world_changes import WorldChange

from .schema import CATALOGUE

GENRES = (
    "drama", "comedy", "thriller", "crime", "romance", "science fiction",
    "documentary", "family", "animation", "horror", "history", "sport",
)  # fmt: skip
_SHARE = np.array([0.16, 0.16, 0.12, 0.1, 0.08, 0.08, 0.08, 0.07, 0.05, 0.04, 0.03, 0.03])
TRAITS = 12
"""Dimensions of titles and tastes."""
_CATALOGUE = 4_212
"""Seed of the catalogue, which does not depend on the world's seed."""
AT_EPOCH, EVERY, ALL = 500, 2, 1_000
"""Titles at the worlds' beginning, days between two new ones, and titles in all."""
SAGA = 3
"""Number of consecutive titles that form a saga."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All titles, in order of release.

    Attributes
    ----------
    traits
        Unit vectors of the titles, shape ``(n, TRAITS)``.
    appeal
        Popularity of a title, independent of taste.
    saga
        Number of the title's saga, -1 for none.
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
    """Return the unit vector of each genre, shape ``(n_genres, TRAITS)``."""
    middle = stream(_CATALOGUE, "genres").normal(0, 1, (len(GENRES), TRAITS))
    unit: Floats = middle / np.linalg.norm(middle, axis=1, keepdims=True)
    return unit


def on_offer(day: float) -> int:
    """Return the number of titles on a day, counted from the worlds' beginning.

    >>> on_offer(-2), on_offer(0), on_offer(3)
    (499, 500, 501)
    """
    return int(min(AT_EPOCH + np.floor(day / EVERY), ALL))


class Offer:
    """The titles that a world offers, day by day, counted from its beginning.

    Parameters
    ----------
    change
        When the catalogue turns over, if ever.
    options
        ``months_ago`` and ``change_titles``; see
        :data:`streamsim.streams.domains.technology.simulate.OPTIONS`.
    """

    def __init__(self, seed: int, change: WorldChange, options: Mapping[str, float]) -> None:
        self._change, self._younger = change, 30 * options["months_ago"]
        self._size = options["change_titles"]
        self._before = on_offer(np.ceil(change.day) - self._younger)
        self._turn = stream(seed, "withdrawn titles").random(ALL)

    def count(self, day: int) -> int:
        """Return how many titles have been offered up to a day: the first ones."""
        more = int(self._size * self._change.share(float(day)) * self._before)
        return min(on_offer(day - self._younger) + more, ALL)

    def withdrawn(self, day: int) -> Mask:
        """Return which of these titles are offered no more."""
        gone: Mask = self._turn < self._size * self._change.share(float(day))
        gone[self._before :] = False  # new ones stay
        return gone[: self.count(day)]

    def age(self, day: int) -> Floats:
        """Return the age of these titles since their release (days)."""
        titles = np.arange(self.count(day))
        age: Floats = np.maximum(day - self._younger - (titles - AT_EPOCH) * EVERY, 0.0)
        if self._change.share(float(day)):
            age[self._before :] = np.maximum(age[self._before :], day - self._change.day)
        return age


def released(first: int, last: int, start: int) -> Emission:
    """Emit the titles from ``first`` up to ``last``, new on a day that starts at ``start`` (ms)."""
    every = catalogue()
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
