"""Seeded streams of a model's errors and features, with changes at known rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from streamsim.benchmarks.drifting.alarm_figures import Change
from streamsim.streams.events import Floats, Mask, Matrix
from streamsim.streams.spec.feature_vector import UNKNOWN
from streamsim.streams.statistics.reference_profile import Reference

LEARNT, HELD, ROWS = 4_000, 4_000, 12_000
"""Rows that the model learns, rows of its reference, and rows of a stream."""
SEASON, WIDTH, LONGEST = 3_000, 2_000, 1_500
"""Rows of a season, of a gradual change, and the longest delay of a right alarm."""
NAMES = ("amount", "kind", "count", "warmth", "age", "a", "b")


@dataclass(frozen=True, slots=True, eq=False)
class KnownStream:
    """A stream that detectors are judged on.

    Attributes
    ----------
    errors
        0 or 1, in order of time.
    sizes
        Errors from 0 to 1, for detectors that take numbers.
    features, scores, reference
        As the model had and gave them; ``None`` without a model.
    season
        Rows of a season, or of what else a window should cover.
    """

    kind: str
    changes: tuple[Change, ...]
    longest: int
    errors: Floats
    sizes: Floats
    features: Matrix | None = None
    scores: Floats | None = None
    reference: Reference | None = None
    season: int = SEASON


@dataclass(frozen=True, slots=True)
class _World:
    """What the world is like: each varies over rows, shape ``(n,)`` or a number."""

    weight: Floats | float = 1.5
    """Of a hidden cause that a feature shows."""
    scale: Floats | float = 1.0
    """Of amounts."""
    swing: Floats | float = 1.0
    """Amplitude of the season."""


def worlds(seed: int) -> list[KnownStream]:
    """Return a stream of each kind."""
    return [stream(kind, seed) for kind in KINDS]


def stream(kind: str, seed: int) -> KnownStream:
    """Return a stream of a kind: a model that has learnt the world before, and its errors."""
    draw = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    model, reference = _learnt(seed)
    changes, world, spoil = KINDS[kind](draw)
    features, truth = _rows(draw, ROWS, world)
    spoil(features)
    scores = model.predict_proba(features)[:, 1]
    errors = ((scores >= 0.5) != truth).astype(np.float64)
    return KnownStream(kind, changes, LONGEST, errors, errors, features, scores, reference)


@cache
def _learnt(seed: int) -> tuple[Any, Reference]:
    draw = np.random.default_rng([seed, 99])
    features, truth = _rows(draw, LEARNT + HELD, _World())
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    model.fit(features[:LEARNT], truth[:LEARNT])
    held = features[LEARNT:]
    return model, Reference.fit(NAMES, held, model.predict_proba(held)[:, 1])


def _rows(draw: np.random.Generator, n: int, world: _World) -> tuple[Matrix, Mask]:
    size = draw.normal(size=n)
    kind, count = draw.integers(0, 5, n), draw.poisson(3, n)
    season = world.swing * np.sin(2 * np.pi * np.arange(n) / SEASON)
    warmth = 15 + 6 * season + draw.normal(0, 3, n)
    age = draw.uniform(0, 80, n)
    a, b = draw.normal(size=(2, n))
    chance = (
        0.8 * size
        + 1.2 * (kind == 2)
        - 1.2 * (kind == 4)
        + 0.4 * (count - 3)
        + 0.1 * (warmth - 15)
        - 0.6 * np.maximum(warmth - 26, 0)  # a heat that training hardly sees
        + world.weight * a
        - b
        + 0.02 * (age - 40)
    )
    truth: Mask = draw.random(n) < 1 / (1 + np.exp(-1.5 * chance))
    age[draw.random(n) < 0.1] = UNKNOWN
    amount = np.exp(3 + size) * world.scale
    columns = [amount, kind, count, warmth, age, a, b]
    return np.column_stack(columns).astype(np.float32), truth


Spoil = Callable[[Matrix], None]
_Made = tuple[tuple[Change, ...], _World, Spoil]


def _nothing(features: Matrix) -> None:
    """Leave the features as they are."""


def _onset(draw: np.random.Generator) -> int:
    return int(draw.uniform(0.4, 0.7) * ROWS)


def _new_weight(draw: np.random.Generator) -> float:
    return float(draw.uniform(-1, 0.3))


def _quiet(draw: np.random.Generator) -> _Made:
    return (), _World(), _nothing


def _concept(draw: np.random.Generator) -> _Made:
    at = _onset(draw)
    after = np.arange(ROWS) >= at
    return ((at, at),), _World(weight=np.where(after, _new_weight(draw), 1.5)), _nothing


def _changed(draw: np.random.Generator, after: Mask, changes: Sequence[Change]) -> _Made:
    """Change the cause, and with it how amounts are distributed."""
    weight = np.where(after, _new_weight(draw), 1.5)
    scale = np.where(after, draw.uniform(1.5, 2.5), 1.0)
    return tuple(changes), _World(weight, scale), _nothing


def _sudden(draw: np.random.Generator) -> _Made:
    at = _onset(draw)
    return _changed(draw, np.arange(ROWS) >= at, [(at, at)])


def _gradual(draw: np.random.Generator) -> _Made:
    at = _onset(draw)
    share = (np.arange(ROWS) - at) / WIDTH
    return _changed(draw, draw.random(ROWS) < share, [(at, at + WIDTH)])


def _recurring(draw: np.random.Generator) -> _Made:
    """Come and go: only a departure from what the model has learnt is a change to be found."""
    begins = [int(at + draw.integers(0, 500)) for at in (2_000, 5_500, 9_000)]
    after = np.zeros(ROWS, bool)
    for at in begins:
        after[at : at + LONGEST] = True
    return _changed(draw, after, [(at, at) for at in begins])


def _seasonal(draw: np.random.Generator) -> _Made:
    """Swing more than in the seasons that the model has learnt: found in a season's time."""
    at = _onset(draw)
    swing = np.where(np.arange(ROWS) >= at, draw.uniform(2, 3), 1.0)
    return ((at, at + SEASON - LONGEST),), _World(swing=swing), _nothing


def _fault(column: str, value: Callable[[Matrix], Any]) -> Callable[[np.random.Generator], _Made]:
    def made(draw: np.random.Generator) -> _Made:
        at, place = _onset(draw), NAMES.index(column)

        def spoil(features: Matrix) -> None:
            features[at:, place] = value(features[at:, place])

        return ((at, at),), _World(), spoil

    return made


KINDS: Mapping[str, Callable[[np.random.Generator], _Made]] = {
    "quiet": _quiet,
    "sudden": _sudden,
    "gradual": _gradual,
    "recurring": _recurring,
    "seasonal": _seasonal,
    "concept": _concept,
    "gone missing": _fault("a", lambda values: UNKNOWN),
    "other unit": _fault("amount", lambda values: values * 100),
}
"""What changes: nothing, a cause with amounts, the season, a cause alone, or a source's fault."""
