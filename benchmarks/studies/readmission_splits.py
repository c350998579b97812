"""Readmission, split by patient and by time, with plain models beside the benchmark's own.

By patient: no model has seen the patients that it is judged on, but it has seen later years. By
time: models learn from the first part of the encounters and are judged on the last part, in which
some patients are known and some are new. A model that is put to use meets the second case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from streamsim.benchmarks.public_data.encounters import DAYS, KNOWN_AFTER, Encounters
from streamsim.streams.events import Floats, Ints
from streamsim.streams.spec.recipes import Estimator
from streamsim.streams.statistics.intervals import Interval, auc, difference, interval

LEARNT = 0.7
"""Share of the encounters, in order of time, that models learn from when split by time."""
INVENTED = ("days_since_last",)
"""Features of days between encounters: only their order is real, the days are not."""
Build = Callable[[int], Estimator]


def logistic_regression(features: pd.DataFrame) -> Build:
    """Return a builder of scikit-learn's logistic regression, with its defaults.

    Numbers are standardised and missing ones are the median; of each category, levels of fewer than
    20 rows count as one.
    """

    def build(seed: int) -> Estimator:
        from sklearn.compose import make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        words = [str(name) for name in features if features[name].dtype == "category"]
        numbers = [str(name) for name in features if str(name) not in words]
        levels = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20)
        columns = make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            (levels, words),
        )
        return make_pipeline(  # type: ignore[no-any-return]
            columns, LogisticRegression(max_iter=2_000, random_state=seed)
        )

    return build


def default_boosting(seed: int) -> Estimator:
    """Return scikit-learn's gradient boosting with its defaults."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(  # type: ignore[no-any-return]
        categorical_features="from_dtype", random_state=seed
    )


@dataclass(frozen=True, slots=True)
class Split:
    """Pairs of rows to learn from and rows to judge, which together are one judgement."""

    name: str
    parts: Sequence[tuple[Ints, Ints]]


def splits(encounters: Encounters, folds: int, seed: int) -> list[Split]:
    """Return the splits: by patient, by time, and by time with the new patients alone.

    Of the rows before the cut, those whose outcome is not known by then are left out.
    """
    from sklearn.model_selection import GroupKFold

    labels, patient = encounters.readmitted, encounters.patient
    by_patient = GroupKFold(folds, shuffle=True, random_state=seed)
    cut = int(len(labels) * LEARNT)
    known = np.arange(int(len(labels) * (LEARNT - KNOWN_AFTER / DAYS)))
    rest = np.arange(cut, len(labels))
    new = rest[~np.isin(patient[rest], patient[:cut])]
    return [
        Split("by patient", list(by_patient.split(labels, groups=patient))),
        Split("by time", [(known, rest)]),
        Split("by time, new patients", [(known, new)]),
    ]


def judge(
    encounters: Encounters,
    split: Split,
    models: Mapping[str, tuple[Build, Sequence[str]]],
    seed: int,
) -> dict[str, Interval]:
    """Return each model's AUC on the judged rows, and what the first has more than each other.

    Parameters
    ----------
    models
        By name, a builder and the features to leave out.
    """
    rows = np.concatenate([judged for _, judged in split.parts])
    labels, patient = encounters.readmitted[rows], encounters.patient[rows]
    areas = {}
    for name, (build, without) in models.items():
        features = encounters.features.drop(columns=list(without))
        scores: list[Floats] = []
        for learnt, judged in split.parts:
            model = build(seed).fit(features.iloc[learnt], encounters.readmitted[learnt])
            scores.append(model.predict_proba(features.iloc[judged])[:, 1])
        areas[name] = auc(labels, np.concatenate(scores))
    own, *others = areas
    found = {name: interval(area, patient) for name, area in areas.items()}
    more = {
        f"{own} less {name}": interval(difference(areas[own], areas[name]), patient)
        for name in others
    }
    return found | more
