"""NASA's engines: parsing, features, and cross-validated prognoses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamsim.benchmarks.studies.prognosis import Prognosis, fit_failure, fit_life
from streamsim.streams.domains.logistics.degradation import Degradation, Reference
from streamsim.streams.domains.logistics.sensors import SensorState
from streamsim.streams.errors import SourceError
from streamsim.streams.events import Floats, Ints, Matrix
from streamsim.streams.seeds import stream

FILE = "train_FD001.txt"
MOST_BYTES = 64 << 20
CAP, HORIZON = 125.0, 30.0
FOLDS = 5
FIRST = 20
"""Cycles that count as an engine's beginning."""
CUTS, FEWEST = 20, 30
"""Number of truncations of every engine, and the minimum cycles before one."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Readings of engines from their first cycle to their last, in order.

    Attributes
    ----------
    engine, cycle
        Engine and cycle of each reading, shape ``(n,)``.
    values
        Values of the 21 sensors, shape ``(n, 21)``.
    """

    engine: Ints
    cycle: Ints
    values: Floats

    @property
    def remaining(self) -> Floats:
        """Cycles until the engine's last one."""
        last = np.zeros(int(self.engine.max()) + 1, np.int64)
        np.maximum.at(last, self.engine, self.cycle)
        return (last[self.engine] - self.cycle).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Judged:
    """Out-of-fold predictions, in the order of the readings."""

    life: Floats
    chance: Floats
    age_life: Floats
    age_chance: Floats
    cut: list[tuple[Ints, Floats]]
    """Per round of truncations, the last row of each engine, and the predicted life there."""


def read_engines(path: Path) -> Engines:
    """Read NASA's file: 26 numbers a line (engine, cycle, three settings, 21 sensors).

    Raises
    ------
    SourceError
        If the file is too large or has another format.
    """
    path = path / FILE if path.is_dir() else path
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SourceError(f"{path} is larger than {MOST_BYTES:,} bytes")
        rows = np.loadtxt(path, np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as engines' cycles: {error}") from None
    if rows.shape[1] != 26 or not len(rows) or not np.isfinite(rows).all() or rows[:, :2].min() < 1:
        raise SourceError(f"{path} does not have the 26 columns of C-MAPSS")
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    return Engines(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 5:])


def define(engines: Engines) -> tuple[Degradation, Ints]:
    """Fit the definition of the features on engines; return it with the sensors that vary."""
    low, high = engines.values.min(axis=0), engines.values.max(axis=0)
    moving = np.flatnonzero(high - low > 1e-9 * np.abs(high))
    names = [f"sensor_{number + 1}" for number in moving]
    young = engines.cycle <= FIRST
    return Degradation(Reference.fit(names, engines.values[young][:, moving]), first=FIRST), moving


def features(definition: Degradation, engines: Engines, moving: Ints) -> Matrix:
    """Compute the features of every reading, shape ``(n, n_features)``."""
    state = SensorState(definition)
    return state.update(engines.engine, engines.values[:, moving]).astype(np.float32)


def judge(engines: Engines, seed: int) -> Judged:
    """Predict every engine by models, and by baselines of its age, fitted on other engines."""
    n, remaining = len(engines.engine), engines.remaining
    life, chance, age_life, age_chance = (np.empty(n) for _ in range(4))
    cuts: list[list[tuple[Ints, Floats]]] = [[] for _ in range(CUTS)]
    for train, test in _folds(engines, seed):
        learned, held = take(engines, train), take(engines, test)
        definition, moving = define(learned)
        X = features(definition, learned, moving)
        prognosis = Prognosis.fit(
            X, remaining[train], learned.engine, cap=CAP, horizon=HORIZON, seed=seed
        )
        X = features(definition, held, moving)
        life[test], chance[test] = prognosis.remaining(X), prognosis.fails(X)
        age, old = (e.cycle[:, None].astype(np.float32) for e in (learned, held))
        by_age = fit_life(age, np.minimum(remaining[train], CAP), seed)
        age_life[test] = by_age.predict(old)
        ages = fit_failure(age, remaining[train] <= HORIZON, learned.engine, seed)
        age_chance[test] = ages.predict_proba(old)[:, 1]
        for number, rows in enumerate(_cuts(held, seed)):
            cuts[number].append((test[rows], _at(prognosis, definition, held, moving, rows)))
    joined = [(np.concatenate([r for r, _ in c]), np.concatenate([s for _, s in c])) for c in cuts]
    return Judged(life, chance, age_life, age_chance, joined)


def _folds(engines: Engines, seed: int) -> Iterator[tuple[Ints, Ints]]:
    from sklearn.model_selection import GroupKFold

    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    yield from folds.split(engines.values, groups=engines.engine)


def take(engines: Engines, rows: Ints) -> Engines:
    """Return some of the readings."""
    return Engines(engines.engine[rows], engines.cycle[rows], engines.values[rows])


def _cuts(engines: Engines, seed: int) -> Iterator[Ints]:
    """Yield, per round, the last row of every engine before a random truncation."""
    draw = stream(seed, "cuts", int(engines.engine[0]))
    first = np.flatnonzero(np.diff(engines.engine, prepend=-1))
    count = np.diff(np.append(first, len(engines.engine)))
    for _ in range(CUTS):
        yield first + draw.integers(np.minimum(FEWEST, count), count + 1) - 1


def _at(
    prognosis: Prognosis, definition: Degradation, engines: Engines, moving: Ints, last: Ints
) -> Floats:
    """Predict the remaining life at rows, from the readings up to each row alone."""
    before = engines.cycle <= engines.cycle[last][np.unique(engines.engine, return_inverse=True)[1]]
    known = take(engines, np.flatnonzero(before))
    ends = np.flatnonzero(np.diff(known.engine, append=-1))
    return prognosis.remaining(features(definition, known, moving)[ends])
