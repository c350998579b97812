"""Splits by patient and by time, and plain models on the rows of the benchmark's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from streamsim.benchmarks.public_data.encounters import DAYS, KNOWN_AFTER, Encounters
from streamsim.benchmarks.studies.readmission_splits import (
    LEARNT,
    default_boosting,
    judge,
    logistic_regression,
    splits,
)


def hospital(n: int = 3_000, seed: int = 0) -> Encounters:
    random = np.random.default_rng(seed)
    risk = random.normal(size=n)
    ward = random.choice(["a", "b", "c"], n)
    odds = risk + 1.5 * (ward == "c")
    features = pd.DataFrame(
        {
            "risk": np.where(random.random(n) < 0.1, np.nan, risk),
            "noise": random.normal(size=n),
            "ward": pd.Categorical(ward),
        }
    )
    labels = (random.random(n) < 1 / (1 + np.exp(2 - odds))).astype(np.int64)
    return Encounters(features, labels, random.integers(0, n // 2, n))


def test_by_patient_no_patient_is_on_both_sides_and_every_row_is_judged_once() -> None:
    encounters = hospital()
    by_patient = splits(encounters, 5, 0)[0]
    judged = np.concatenate([rows for _, rows in by_patient.parts])
    assert sorted(judged.tolist()) == list(range(3_000))
    for learnt, rows in by_patient.parts:
        assert not set(encounters.patient[learnt]) & set(encounters.patient[rows])


def test_by_time_models_learn_only_from_outcomes_that_were_known() -> None:
    encounters = hospital()
    _, by_time, new = splits(encounters, 5, 0)
    ((learnt, rows),) = by_time.parts
    cut = 3_000 * LEARNT
    assert rows.tolist() == list(range(int(cut), 3_000))
    assert learnt.max() == pytest.approx(cut - 3_000 * KNOWN_AFTER / DAYS, abs=2)
    ((also, few),) = new.parts
    assert also.tolist() == learnt.tolist()
    assert 0 < len(few) < len(rows)
    assert not set(encounters.patient[few]) & set(encounters.patient[: int(cut)])


def test_models_are_judged_on_the_same_rows_and_compared() -> None:
    encounters = hospital()
    by_time = splits(encounters, 5, 0)[1]
    models = {
        "ours": (default_boosting, ()),
        "blind": (default_boosting, ("risk", "ward")),
        "plain": (logistic_regression(encounters.features), ()),
    }
    found = judge(encounters, by_time, models, 0)
    ((learnt, rows),) = by_time.parts
    model = default_boosting(0).fit(encounters.features.iloc[learnt], encounters.readmitted[learnt])
    expected = roc_auc_score(
        encounters.readmitted[rows], model.predict_proba(encounters.features.iloc[rows])[:, 1]
    )
    assert found["ours"].value == pytest.approx(expected)
    assert found["blind"].value < 0.6 < 0.75 < found["plain"].value
    assert found["ours less blind"].value == found["ours"].value - found["blind"].value
    assert found["ours less blind"].low > 0.1
