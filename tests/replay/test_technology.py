"""Recommendations on unseen worlds, compared with the most popular titles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from streamsim.benchmarks.renewal import compare
from streamsim.models.labelled import Labelled
from streamsim.models.registry import Registry
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.model_training import training_data
from streamsim.simulator.testing.replay import champion
from streamsim.streams.domains.technology import SPEC
from streamsim.streams.domains.technology.history import TITLES
from streamsim.streams.domains.technology.model import SHOWN
from streamsim.streams.domains.technology.ranking import best
from streamsim.streams.domains.technology.recommender import SlateClassifier
from streamsim.streams.events import Floats, Ints
from streamsim.streams.spec import DAY
from streamsim.streams.statistics.intervals import Weighted, difference, interval, per_draw
from streamsim.streams.topics import TRUTH

DAYS = 30
OFFERED = SPEC.features.vector.names.index("catalogue_size")


@pytest.fixture(scope="module", params=[31_337, 31_338])
def unseen(request: pytest.FixtureRequest) -> Labelled:
    return training_data(SPEC, world_slices(SPEC, request.param, SPEC.world.options, DAYS))


@pytest.fixture(scope="module")
def recommender(registry: Registry) -> SlateClassifier:
    estimator = champion(SPEC).estimator
    assert isinstance(estimator, SlateClassifier)
    return estimator


def gains(items: Ints, played: Ints) -> tuple[Floats, Floats]:
    """Hit and nDCG of each slate; with one right title at rank r, nDCG is 1 / log2(1 + r)."""
    right = (items == played[:, None]) & (played[:, None] > 0)
    return right.any(axis=1).astype(float), (right / np.log2(np.arange(2, 2 + SHOWN))).sum(axis=1)


def popular_now(data: Labelled) -> Ints:
    """Slates of the most played titles of the seven days before that the user has not played."""
    day = (data.times - data.times.min()) // DAY
    slates = np.zeros((len(day), SHOWN), np.int64)
    for today in np.unique(day):
        # The labels of the last two days are not complete yet.
        past = (day < today - 1) & (day >= today - 9) & (data.labels > 0)
        counts = np.bincount(data.labels[past], minlength=1_001)[1:].astype(np.float64)
        rows = np.flatnonzero(day == today)
        scores = np.tile(counts, (len(rows), 1))
        seen = data.features[rows, :TITLES].astype(np.int64) - 1
        row, column = np.nonzero(seen >= 0)
        scores[row, seen[row, column]] = -np.inf
        scores[np.arange(1_000) >= data.features[rows, OFFERED, None]] = -np.inf
        slates[rows] = best(scores, SHOWN) + 1
    return slates


def mean(values: Floats) -> Weighted:
    return per_draw(lambda own: float(np.average(values, weights=own)))


@pytest.mark.slow
def test_slates_are_better_than_the_most_popular_titles(
    unseen: Labelled, recommender: SlateClassifier
) -> None:
    """By hits and nDCG at 10, at the lower end of the interval over users."""
    _, items = recommender.recommend(unseen.features)
    for other in (recommender.popular(unseen.features), popular_now(unseen)):
        for ours, theirs in zip(
            gains(items, unseen.labels), gains(other, unseen.labels), strict=True
        ):
            found = interval(
                difference(mean(ours), mean(theirs)), unseen.entities.astype(str), draws=200
            )
            assert found.low > 0.02, found


@pytest.mark.slow
def test_slates_of_a_user_are_not_those_of_another(
    unseen: Labelled, recommender: SlateClassifier
) -> None:
    _, items = recommender.recommend(unseen.features[-5_000:])
    shown = np.unique(items)
    assert len(shown) > 200
    assert not (items[:, :, None] == unseen.features[-5_000:, None, :TITLES]).any()


@pytest.mark.slow
def test_renewed_slates_are_better_where_the_catalogue_has_moved_on(registry: Registry) -> None:
    """Compared with the champion, trained two months ago, on the same events."""
    compared = compare(SPEC, champion(SPEC), 31_340, DAYS, users=300)
    assert compared.figure(compared.renewed - compared.frozen).low > 0
    new = compared.label > len(champion(SPEC).estimator.popularity_)  # type: ignore[attr-defined]
    assert new.sum() > 500
    assert compared.frozen[new].sum() == 0
    assert compared.figure(compared.renewed, new).low > 0


def plays(seed: int, **options: float) -> Iterator[tuple[str, int]]:
    """Yield the page and the title of each play in a small world."""
    import orjson

    chosen = {"users": 150, "changes": 0.0, "defects": 0.0, **options}
    for piece in world_slices(SPEC, seed, chosen, 8):
        for emission in piece.emissions:
            if emission.source == SPEC.trigger.name:
                for body in map(orjson.loads, emission.values):
                    if body["action"] == "start":
                        yield body["origin"], body["title_no"]


def concentration(titles: npt.ArrayLike) -> float:
    """Return the share of the twenty most played titles in all plays."""
    counts = np.sort(np.bincount(np.asarray(titles)))[::-1]
    return float(counts[:20].sum() / counts.sum())


def test_what_the_home_page_shows_changes_what_is_watched() -> None:
    none, much = (list(plays(5, feedback=f)) for f in (0.0, 1.0))
    assert not any(origin == "home" for origin, _ in none)
    assert sum(origin == "home" for origin, _ in much) > 0.4 * len(much)
    assert concentration([t for _, t in much]) > 1.1 * concentration([t for _, t in none])


def test_a_premiere_brings_several_times_the_usual_traffic() -> None:
    import orjson

    days: dict[int, int] = {}
    premieres = set()
    for piece in world_slices(SPEC, 3, {**SPEC.world.options, "users": 200}, 30):
        for emission in piece.emissions:
            if emission.source == TRUTH:
                for body in map(orjson.loads, emission.values):
                    if body["kind"] == "spike":
                        premieres.add((piece.until - 1 - SPEC.world.epoch) // DAY)
            if emission.source == SPEC.trigger.name:
                day = (piece.until - 1 - SPEC.world.epoch) // DAY
                evening = 20 <= (piece.until - 1) // 3_600_000 % 24 < 21
                days[day] = days.get(day, 0) + len(emission) * evening
    usual = np.median([n for day, n in days.items() if day not in premieres])
    assert premieres
    assert min(days[day] for day in premieres) > 2 * usual
