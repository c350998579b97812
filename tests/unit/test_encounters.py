"""Nothing of an encounter's features is known only later, and intervals are of patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from streamsim.benchmarks.public_data.encounters import (
    CATEGORIES,
    DIAGNOSES,
    KNOWN_AFTER,
    NUMBERS,
    at_discharge,
    from_earlier,
    gone_codes,
)
from streamsim.models.stability import select
from streamsim.streams.spec.recipes import Selection
from streamsim.streams.statistics.intervals import (
    auc,
    calibration_error,
    difference,
    interval,
    mean_of,
    weights,
)

TABLES = """admission_type_id,description
11,Expired
,
discharge_disposition_id,description
1,Discharged to home
11,Expired
13,Hospice / home
20,"Expired in a medical facility. Medicaid only, hospice."
,
admission_source_id,description
26,Transfer from Hospice
"""


def encounters(n: int = 400, patients: int = 60, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "encounter_id": np.arange(n),
            "patient_nbr": random.integers(0, patients, n).astype(str),
            "readmitted": random.choice(["<30", ">30", "NO"], n),
            "age": "[60-70)",
        }
    )
    for name in NUMBERS:
        rows[name] = random.integers(1, 9, n).astype(str)
    for name in (*CATEGORIES, *DIAGNOSES):
        rows[name] = random.choice(["1", "250", "No", "?"], n)
    return rows


def features(rows: pd.DataFrame, day: np.ndarray) -> pd.DataFrame:
    return at_discharge(rows).join(from_earlier(rows, day)).astype(str)


def test_no_row_changes_with_what_comes_after_it() -> None:
    rows = encounters()
    day = np.arange(len(rows)) * 3.0
    whole = features(rows, day)
    for here in (1, 57, 200, 399):
        pd.testing.assert_frame_equal(
            features(rows[: here + 1], day[: here + 1]), whole[: here + 1]
        )


def test_no_label_is_known_before_its_time() -> None:
    """The labels of the last 30 days do not change the features."""
    rows = encounters()
    day = np.arange(len(rows)) * 3.0
    whole = features(rows, day)
    for here in (100, 399):
        other = rows.copy()
        unknown = (day + KNOWN_AFTER > day[here]) | (rows.index >= here)
        other.loc[unknown, "readmitted"] = "<30"
        pd.testing.assert_frame_equal(features(other, day)[here : here + 1], whole[here : here + 1])


def test_a_readmission_is_known_from_thirty_days_on() -> None:
    rows = encounters(3, 1)
    rows["readmitted"] = ["<30", "NO", "NO"]
    known = from_earlier(rows, np.array([0.0, 29.9, 30.0]))
    assert known["prior_readmissions_known"].tolist() == [0, 0, 1]
    assert known["prior_readmission_share"].isna().tolist() == [True, True, False]
    assert known["prior_encounters"].tolist() == [0, 1, 2]
    assert known["days_since_last"].fillna(-1).round(1).tolist() == [-1, 29.9, 0.1]


def test_whoever_died_or_went_to_a_hospice_is_found_in_the_tables() -> None:
    assert gone_codes(TABLES) == {"11", "13", "20"}


def scored(n: int = 600, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, n)
    scores = np.round(labels * 0.3 + random.normal(0, 0.5, n), 1)  # with ties
    return labels, scores, np.arange(n) // 3


def test_weighted_areas_are_scikit_learn_s() -> None:
    labels, scores, patient = scored()
    area = auc(labels, scores)
    for own in next(weights(patient, 0))[:10]:
        expected = roc_auc_score(labels, scores, sample_weight=own)
        assert area(own[None])[0] == pytest.approx(expected)


def test_the_calibration_error_is_that_of_bins_of_equal_mass() -> None:
    labels, scores, _ = scored()
    chance = 1 / (1 + np.exp(-scores))
    order = np.argsort(chance, kind="stable")
    bins = np.array_split(order, 15)
    tie = np.unique(chance, return_inverse=True)[1]
    share = (np.bincount(tie, labels) / np.bincount(tie))[tie]  # equal scores share their positives
    expected = sum(abs(share[b].sum() - chance[b].sum()) for b in bins) / len(labels)
    error = calibration_error(labels, chance)
    assert error(np.ones((1, len(labels))))[0] == pytest.approx(expected)
    drawn = np.random.default_rng(0).random(200_000)
    good = (np.random.default_rng(1).random(200_000) < drawn).astype(np.int64)
    one = np.ones((1, len(drawn)))
    assert calibration_error(good, drawn)(one)[0] < 0.005
    assert calibration_error(good, drawn / 2)(one)[0] == pytest.approx(0.25, abs=0.01)


def test_a_patient_s_encounters_are_drawn_together_and_widen_the_interval() -> None:
    labels, scores, patient = scored(200)
    copies = 9
    many = [np.repeat(a, copies) for a in (labels, scores, np.arange(200))]
    area = auc(many[0], many[1])
    alone = interval(area, np.arange(len(many[0])))
    together = interval(area, many[2])
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert together.low < together.value < together.high
    drawn = next(weights(patient, 0))
    assert (drawn[:, ::3][:, :66] == drawn[:, 1::3][:, :66]).all()


def test_a_difference_is_taken_on_the_same_draws() -> None:
    labels, scores, patient = scored()
    same = difference(auc(labels, scores), mean_of([auc(labels, scores)] * 2))
    found = interval(same, patient)
    assert (found.value, found.low, found.high) == pytest.approx((0, 0, 0))


def test_stability_selection_keeps_what_matters_and_drops_noise() -> None:
    random = np.random.default_rng(5)
    n = 8_000
    signal, bent = random.normal(size=n), random.normal(size=n)
    level = random.choice(["a", "b", "c", "d"], n)
    odds = -1.5 + 0.8 * signal + 0.9 * (np.abs(bent) > 1.2) + 1.0 * (level == "c")
    labels = (random.random(n) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    table = pd.DataFrame({"signal": signal, "bent": bent, "level": pd.Categorical(level)})
    table["holes"] = np.where(random.random(n) < 0.3, np.nan, signal)
    for i in range(6):
        table[f"noise_{i}"] = random.normal(size=n)
        table[f"letters_{i}"] = pd.Categorical(random.choice(list("vwxyz"), n))
    table["constant"] = 1.0
    found = select(table, labels, np.arange(n) // 2, how=Selection(pairs=5))
    assert {"signal", "bent", "level"} <= set(found.kept) <= {"signal", "bent", "level", "holes"}
    assert max(found.decoys.values()) < 0.6
    assert found.picked["constant"] == 0


def test_a_selection_draws_from_its_own_seed_alone() -> None:
    """Its solver draws too; from what all share, every training would pick other features."""
    random = np.random.default_rng(1)
    table = pd.DataFrame({"signal": random.normal(size=400), "noise": random.normal(size=400)})
    labels = (table["signal"] + random.normal(size=400) > 0).to_numpy().astype(np.int64)
    before = np.random.get_state()[1].tolist()
    select(table, labels, np.arange(400), how=Selection(pairs=2))
    assert np.random.get_state()[1].tolist() == before
