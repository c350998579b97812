"""NASA's engines: parsing, features, and cross-validated prognoses.

In parts FD002 and FD004 an engine flies in six operating conditions, which move the sensors far
more than wear does. So each reading is measured from the mean of its condition, in the spread of
its condition, both of engines without wear.

References
----------
Saxena, Goebel, Simon and Eklund (2008), Damage propagation modeling for aircraft engine
run-to-failure simulation, *PHM 2008*: the six conditions.
Heimes (2008), Recurrent neural networks for remaining useful life estimation, *PHM 2008*: that
the condition follows from the settings.
"""

from __future__ import annotations

import re
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

FILE, FILES = "train_FD001.txt", "train_FD00?.txt"
ALTITUDES = (0.0, 10.0, 20.0, 25.0, 35.0, 42.0)
"""Altitudes (1,000 ft) of the six operating conditions: the first setting tells them apart."""
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
    condition
        Operating condition of each reading: the place of its altitude in :data:`ALTITUDES`.
    """

    engine: Ints
    cycle: Ints
    values: Floats
    condition: Ints

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
    path = _file_at(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SourceError(f"{path} is larger than {MOST_BYTES:,} bytes")
        rows = np.loadtxt(path, np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as engines' cycles: {error}") from None
    if rows.shape[1] != 26 or not len(rows) or not np.isfinite(rows).all() or rows[:, :2].min() < 1:
        raise SourceError(f"{path} does not have the 26 columns of C-MAPSS")
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    condition = np.abs(rows[:, 2, None] - ALTITUDES).argmin(axis=1)
    return Engines(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 5:], condition)


@dataclass(frozen=True, slots=True)
class Measure:
    """Definition of the features, and the sensors and scales that they are computed from.

    Attributes
    ----------
    moving
        Places of the sensors that vary within a condition.
    references
        The reference of each condition.
    """

    definition: Degradation
    moving: Ints
    references: tuple[Reference, ...]

    def deviations(self, engines: Engines) -> Floats:
        """Return each reading's deviations in its condition, shape ``(n, len(moving))``."""
        center = np.array([own.center for own in self.references])[engines.condition]
        scale = np.array([own.scale for own in self.references])[engines.condition]
        found: Floats = (engines.values[:, self.moving] - center) / scale
        return found


def define(engines: Engines) -> Measure:
    """Fit the definition of the features, and the reference of each condition, on engines."""
    conditions = range(len(ALTITUDES))
    own = [engines.values[engines.condition == c] for c in conditions]
    spans = [(v.min(axis=0), v.max(axis=0)) for v in own if len(v)]
    moving = np.flatnonzero(
        np.any([high - low > 1e-9 * np.abs(high) for low, high in spans], axis=0)
    )
    names = [f"sensor_{number + 1}" for number in moving]
    young = engines.cycle <= FIRST
    references = tuple(
        Reference.fit(names, engines.values[young & (engines.condition == c)][:, moving])
        for c in conditions
    )
    unit = Reference(tuple(names), (0.0,) * len(names), (1.0,) * len(names))
    return Measure(Degradation(unit, first=FIRST), moving, references)


def features(measure: Measure, engines: Engines) -> Matrix:
    """Compute the features of every reading, shape ``(n, n_features)``."""
    state = SensorState(measure.definition)
    return state.update(engines.engine, measure.deviations(engines)).astype(np.float32)


def judge(engines: Engines, seed: int) -> Judged:
    """Predict every engine by models, and by baselines of its age, fitted on other engines."""
    n, remaining = len(engines.engine), engines.remaining
    life, chance, age_life, age_chance = (np.empty(n) for _ in range(4))
    cuts: list[list[tuple[Ints, Floats]]] = [[] for _ in range(CUTS)]
    for train, test in _folds(engines, seed):
        learned, held = take(engines, train), take(engines, test)
        measure = define(learned)
        X = features(measure, learned)
        prognosis = Prognosis.fit(
            X, remaining[train], learned.engine, cap=CAP, horizon=HORIZON, seed=seed
        )
        X = features(measure, held)
        life[test], chance[test] = prognosis.remaining(X), prognosis.fails(X)
        age, old = (e.cycle[:, None].astype(np.float32) for e in (learned, held))
        by_age = fit_life(age, np.minimum(remaining[train], CAP), seed)
        age_life[test] = by_age.predict(old)
        ages = fit_failure(age, remaining[train] <= HORIZON, learned.engine, seed)
        age_chance[test] = ages.predict_proba(old)[:, 1]
        for number, rows in enumerate(_cuts(held, seed)):
            cuts[number].append((test[rows], _at(prognosis, measure, held, rows)))
    joined = [(np.concatenate([r for r, _ in c]), np.concatenate([s for _, s in c])) for c in cuts]
    return Judged(life, chance, age_life, age_chance, joined)


def part_of(path: Path) -> str:
    """Return which part of the data a file is by its name, ``FD001`` to ``FD004``; else nothing."""
    found = re.search(r"FD00[1-4]", _file_at(path).name)
    return found[0] if found else ""


def _file_at(path: Path) -> Path:
    return next(iter(sorted(path.glob(FILES))), path / FILE) if path.is_dir() else path


def _folds(engines: Engines, seed: int) -> Iterator[tuple[Ints, Ints]]:
    from sklearn.model_selection import GroupKFold

    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    yield from folds.split(engines.values, groups=engines.engine)


def take(engines: Engines, rows: Ints) -> Engines:
    """Return some of the readings."""
    return Engines(
        engines.engine[rows], engines.cycle[rows], engines.values[rows], engines.condition[rows]
    )


def _cuts(engines: Engines, seed: int) -> Iterator[Ints]:
    """Yield, per round, the last row of every engine before a random truncation."""
    draw = stream(seed, "cuts", int(engines.engine[0]))
    first = np.flatnonzero(np.diff(engines.engine, prepend=-1))
    count = np.diff(np.append(first, len(engines.engine)))
    for _ in range(CUTS):
        yield first + draw.integers(np.minimum(FEWEST, count), count + 1) - 1


def _at(prognosis: Prognosis, measure: Measure, engines: Engines, last: Ints) -> Floats:
    """Predict the remaining life at rows, from the readings up to each row alone."""
    before = engines.cycle <= engines.cycle[last][np.unique(engines.engine, return_inverse=True)[1]]
    known = take(engines, np.flatnonzero(before))
    ends = np.flatnonzero(np.diff(known.engine, append=-1))
    return prognosis.remaining(features(measure, known)[ends])
