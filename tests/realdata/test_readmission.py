"""Readmission on real encounters, and sections of real notes: as good as is said, and no better."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamsim.benchmarks.public_data import sections
from streamsim.benchmarks.public_data.encounters import Encounters, read
from streamsim.benchmarks.readmission import LEAKS, NEEDED, PUBLISHED, figures_of, judge


@pytest.fixture(scope="module")
def encounters(hospital: Path) -> Encounters:
    return read(hospital)


def test_the_rows_are_those_that_the_published_protocol_keeps(encounters: Encounters) -> None:
    assert len(encounters.readmitted) == 79_423
    assert encounters.patient.max() + 1 == 55_902
    assert encounters.readmitted.mean() == pytest.approx(0.1138, abs=1e-4)
    left = encounters.features["discharge_disposition_id"].astype(str)
    assert not left.isin(["11", "13", "14", "19", "20", "21"]).any()


def test_no_feature_alone_says_too_much(encounters: Encounters) -> None:
    """A single number that separates the classes would be a leak."""
    from sklearn.metrics import roc_auc_score

    for name, column in encounters.features.items():
        if column.dtype.kind == "f":
            values = column.fillna(column.median()).to_numpy()
            area = roc_auc_score(encounters.readmitted, values)
            assert max(area, 1 - area) < 0.65, name


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_readmission_is_foreseen_better_than_published_and_calibrated(
    encounters: Encounters,
) -> None:
    figures = figures_of(encounters, judge(encounters, 1, 0, pairs=5, permute=False))
    assert NEEDED["auc"] <= figures["auc"].value <= LEAKS
    assert figures["auc"].low > max(PUBLISHED.values())
    assert figures["ece"].value <= figures["ece"].high <= NEEDED["ece"]
    assert figures["auc_lost_by_selection"].high < 0.01


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_labels_that_mean_nothing_are_not_foreseen(encounters: Encounters) -> None:
    """Labels are shuffled among patients: a model that still predicts them has seen them."""
    random = np.random.default_rng(0)
    mixed = Encounters(
        encounters.features, random.permutation(encounters.readmitted), encounters.patient
    )
    figures = figures_of(mixed, judge(mixed, 1, 0, pairs=1, permute=False))
    assert figures["auc"].value == pytest.approx(0.5, abs=0.02)
    assert figures["auc_selected"].value == pytest.approx(0.5, abs=0.02)


def test_a_note_s_section_is_found_far_more_often_than_the_most_common_one(hospital: Path) -> None:
    found = sections.run(hospital)
    assert found["tested"] == 100
    assert found["majority"] == pytest.approx(0.22)
    assert found["accuracy"]["value"] >= 0.58
    assert found["accuracy"]["low"] > 2 * found["majority"]
