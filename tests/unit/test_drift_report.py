"""The report on drift: what has changed is named, and chance is not taken for change."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from streamsim.consumers.monitor.drift.defaults import FeatureBounds
from streamsim.consumers.monitor.drift.distances import chi_square_p, ks_p, psi, psi_p
from streamsim.consumers.monitor.drift.drift_report import DriftReport, report_drift
from streamsim.streams.statistics.reference_profile import Reference, tally

DRAW = np.random.default_rng(11)
N = 2_000


def rows(n: int = N) -> np.ndarray:  # type: ignore[type-arg]
    kind = DRAW.choice([0.0, 1.0, 2.0], n, p=[0.6, 0.3, 0.1])
    plain = DRAW.normal(size=(n, 3))
    known = np.where(DRAW.random(n) < 0.1, -1, DRAW.random(n))
    return np.column_stack([DRAW.lognormal(3, 1, n), kind, plain, known]).astype(np.float32)


NAMES = ["amount", "kind", "a", "b", "c", "age"]
TRAINED = rows(20_000)
REFERENCE = Reference.fit(NAMES, TRAINED, DRAW.random(20_000))


def judged(features: np.ndarray, scores: np.ndarray | None = None) -> DriftReport:  # type: ignore[type-arg]
    own = DRAW.random(len(features)) if scores is None else scores
    return report_drift(REFERENCE, tally(REFERENCE.cells(features, own)), FeatureBounds())


def test_the_same_world_has_no_drift() -> None:
    for _ in range(50):
        report = judged(rows())
        assert report.drifted == ()
    assert report.text == "no feature has drifted in 2000 rows"
    assert report.most is None


def changed(name: str, value: object) -> np.ndarray:  # type: ignore[type-arg]
    own = rows()
    place = NAMES.index(name)
    own[:, place] = value(own[:, place]) if callable(value) else value
    return own


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("amount", lambda own: own * 100, "outside the range of training"),
        ("amount", lambda own: own * 3, "median bin"),
        ("kind", lambda own: np.where(own == 1, 7, own), "new values, no more 1"),
        ("kind", lambda own: np.where(own == 0, 1, own), "no more 0"),
        ("age", -1, "unknown 10.2 % -> 100.0 %"),
        ("age", lambda own: np.where(own == -1, 0.5, own), "unknown 10.2 % -> 0.0 %"),
        ("b", np.nan, "unknown 0.0 % -> 100.0 %"),
    ],
)
def test_a_change_is_named(name: str, value: object, words: str) -> None:
    report = judged(changed(name, value))
    assert [column.name for column in report.drifted] == [name]
    assert report.most is not None
    assert report.text.startswith(f"{name}: ")
    assert words in report.text
    assert orjson.loads(orjson.dumps(report.as_dict()))["text"] == report.text


def test_the_score_is_told_of_if_no_feature_is() -> None:
    report = judged(rows(), DRAW.random(N) ** 4)
    assert [column.name for column in report.drifted] == ["score"]
    assert report.most is report.score
    both = judged(changed("amount", lambda own: own * 3), DRAW.random(N) ** 9)
    assert both.most is not None
    assert both.most.name == "amount"
    assert both.text.endswith("; 1 more drifted")


def test_few_rows_are_not_judged() -> None:
    report = judged(changed("amount", 0.0)[:150])
    assert not report.enough
    assert report.drifted == ()
    assert report.text == "150 rows are too few to judge"
    assert judged(rows()[:0]).drifted == ()


@pytest.mark.parametrize("p", [ks_p, chi_square_p, lambda a, b: psi_p(psi(a, b), a, b)])
def test_no_p_value_is_small_by_chance(p: object) -> None:
    """Of two samples of the same, at most as many as alpha says are significant."""
    shares = np.full(20, 0.05)
    found = np.array([
        p(DRAW.multinomial(5_000, shares), DRAW.multinomial(800, shares))  # type: ignore[operator]
        for _ in range(2_000)
    ])  # fmt: skip
    assert (found < 0.01).mean() < 0.018
    assert (found < 0.1).mean() < 0.13
