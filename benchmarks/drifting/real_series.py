"""Real series with known changes: marked by annotators, or planted in the rows of a real set.

A set's model learns the first rows and scores the others. From a known row on labels are swapped or
columns exchanged, as in the benchmark of Cerqueira and others (KDD 2026). What changes in such a
set by itself is not known, and alarms on it count as false.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from streamsim.benchmarks.drifting.known_changes import LONGEST, KnownStream
from streamsim.benchmarks.public_data.datasets import EMPLOYMENT, FLIGHTS, RAINFALL, Dataset, fetch
from streamsim.streams.events import Floats, Mask, Matrix
from streamsim.streams.statistics.reference_profile import Reference

LEARNT, HELD = 0.2, 0.1
"""Shares of a set's rows that the model learns, and that its reference profiles."""
NEWEST = 10
"""Steps whose mean forecasts the next step of an annotated series."""
NEAR = 0.01
"""Annotators who mark points within this share of a series mean the same change."""
ANNOTATED = ("AirlinePassengers", "Apple", "Bitcoin", "BrentSpotPrice", "Occupancy", "RunLog",
             "UKCoalEmploy")  # fmt: skip
Table = tuple[list[str], Matrix, Mask]
"""Names, features and labels, in order of time."""


def annotated() -> Iterator[KnownStream]:
    """Yield river's series (Turing change point data set), with the changes of most annotators."""
    from river.drift import datasets

    for name in ANNOTATED:
        series = getattr(datasets, name)()
        values = np.array([next(iter(_target(y).values())) for _, y in series], np.float64)
        marks = [list(own) for own in series.annotations.values()]
        longest = max(len(values) // 20, 2 * NEWEST)
        changes = tuple((at, at) for at in agreed(marks, int(NEAR * len(values)) + 1))
        wrong, sizes = forecast_errors(values)
        yield KnownStream("annotated", changes, longest, wrong, sizes)


def agreed(marks: list[list[int]], near: int) -> list[int]:
    """Return the changes that at least half of the annotators have marked, within ``near`` steps.

    >>> agreed([[10, 50], [11], [12, 90], []], near=2)
    [10]
    """
    found: list[int] = []
    for at in sorted({own for each in marks for own in each}):
        told = sum(any(abs(own - at) <= near for own in each) for each in marks)
        if 2 * told >= len(marks) and (not found or at - found[-1] > 2 * near):
            found.append(at)
    return found


def forecast_errors(values: Floats) -> tuple[Floats, Floats]:
    """Return errors of forecasts by the mean of the last steps: 0 or 1, and from 0 to 1.

    An error is wrong if it is greater than nine in ten of the first fifth.
    """
    sums = np.cumsum(values)
    n = len(values)
    begin = np.maximum(np.arange(n) - NEWEST, 0)
    before = np.where(begin > 0, sums[begin - 1], 0.0)
    forecast = np.zeros(n)
    forecast[1:] = (sums[:-1] - before[1:]) / (np.arange(1, n) - begin[1:])
    errors = np.abs(values - forecast)
    errors[0] = 0.0
    first = errors[NEWEST : max(n // 5, 2 * NEWEST)]
    wrong = (errors > np.quantile(first, 0.9)).astype(np.float64)
    return wrong, np.clip(errors / max(4 * np.quantile(first, 0.9), 1e-12), 0, 1)


def planted(seeds: Sequence[int], say: Callable[[str], None]) -> Iterator[KnownStream]:
    """Yield the real sets, for each seed with a change of each kind planted.

    Raises
    ------
    SourceError
        If a set cannot be downloaded.
    """
    for dataset, read, season in SETS:
        table = RealTable.learn(*read(fetch(dataset, say)), season)
        for seed in seeds:
            for kind in ("labels swapped", "columns exchanged"):
                draw = np.random.default_rng([seed, len(dataset.name), len(kind)])
                yield table.changed(kind, draw)


@dataclass(frozen=True, slots=True, eq=False)
class RealTable:
    """A real set with a model that has learnt its first rows; the others are to be scored."""

    model: Any
    reference: Reference
    features: Matrix
    truth: Mask
    season: int

    @classmethod
    def learn(cls, names: list[str], features: Matrix, truth: Mask, season: int) -> RealTable:
        """Train on a set's first rows, and profile the next ones."""
        learnt, held = int(LEARNT * len(truth)), int((LEARNT + HELD) * len(truth))
        model = HistGradientBoostingClassifier(max_iter=60, random_state=0)
        model.fit(features[:learnt], truth[:learnt])
        own = features[learnt:held]
        reference = Reference.fit(names, own, model.predict_proba(own)[:, 1])
        return cls(model, reference, features[held:], truth[held:], season)

    def changed(self, kind: str, draw: np.random.Generator) -> KnownStream:
        """Return the rows to be scored, changed from a random row on."""
        features, truth = self.features.copy(), self.truth.copy()
        at = int(draw.uniform(0.4, 0.7) * len(truth))
        if kind == "labels swapped":
            truth[at:] = ~truth[at:]
        else:
            by = draw.integers(1, features.shape[1])
            features[at:] = np.roll(features[at:], by, axis=1)
        scores = self.model.predict_proba(features)[:, 1]
        errors = ((scores >= 0.5) != truth).astype(np.float64)
        return KnownStream(
            kind, ((at, at),), LONGEST, errors, errors, features, scores, self.reference,
            self.season,
        )  # fmt: skip


def _target(value: Any) -> Mapping[str, float]:
    return value if isinstance(value, dict) else {"value": value}


def _rainfall(folder: Path) -> Table:
    table = pd.read_csv(folder / "rainfall_data.csv", index_col=0)
    truth = table.pop("rain").to_numpy() == 1
    return list(table.columns), table.to_numpy(np.float32), truth


def _employment(folder: Path) -> Table:
    first = pd.read_parquet(folder / "employment_MA_reference.pq")
    later = pd.read_parquet(folder / "employment_MA_analysis.pq")
    later = later.merge(pd.read_parquet(folder / "employment_MA_analysis_target.pq"), on="id")
    table = pd.concat([first, later]).iloc[::14]
    truth = table["employed"].to_numpy() == 1
    table = table.drop(
        columns=["id", "employed", "year", "prediction", "predicted_probability"]
    ).astype(np.float32)
    return list(table.columns), table.to_numpy(np.float32), truth


def _flights(folder: Path) -> Table:
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        table = pd.read_csv(archive.open("flights.csv"))
    table = table.dropna(subset=["arr_delay"]).sort_values("time_hour", kind="stable").iloc[::16]
    truth = table["arr_delay"].to_numpy() > 15
    day = pd.to_datetime(table["time_hour"]).dt.dayofweek
    columns = {
        "hour": table["hour"],
        "minute": table["minute"],
        "weekday": day,
        "distance": table["distance"],
        "carrier": table["carrier"].astype("category").cat.codes,
        "origin": table["origin"].astype("category").cat.codes,
        "dest": table["dest"].astype("category").cat.codes,
        "dep_delay": table["dep_delay"],
    }
    return list(columns), np.column_stack(list(columns.values())).astype(np.float32), truth


SETS: tuple[tuple[Dataset, Callable[[Path], Table], int], ...] = (
    (RAINFALL, _rainfall, 1_095),
    (EMPLOYMENT, _employment, 1_000),
    (FLIGHTS, _flights, 1_000),
)
"""Data set, reader, and rows of a window: three years, a thousand people, six weeks."""
