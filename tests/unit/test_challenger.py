"""A challenger learns from earlier events only, and keeps what its champion ignores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from streamsim.models.adapting.challenger import (
    figures_of,
    judged,
    learn,
    seconds_of_calls,
    split,
    too_few,
)
from streamsim.models.adapting.challenger_card import write_challenger_card
from streamsim.models.adapting.gate_verdict import judge
from streamsim.models.adapting.gates import is_better
from streamsim.models.composed import Composed
from streamsim.models.kept_columns import KeptColumns
from streamsim.streams.domains.finance import SPEC
from streamsim.streams.errors import ModelError
from streamsim.streams.spec import HOUR, Adaptation, DomainSpec, Estimator, Policy
from streamsim.streams.spec.renewals import cut_of
from tests.logged import BEGIN, invented, signature_of

N = 1_500
NAMES = SPEC.features.vector.names


def build(seed: int) -> Estimator:
    return LogisticRegression(random_state=seed)


def quick(**recipe: object) -> DomainSpec:
    own = replace(SPEC.model.recipe, build=build, max_false_alerts=0.01, **recipe)
    return replace(SPEC, model=replace(SPEC.model, recipe=own))


ROWS = invented(SPEC, N, telling=1, seed=2).labelled()


def test_the_parts_are_apart_by_the_gap() -> None:
    parts = split(ROWS.times, holdout=0.3, gap=2 * HOUR)
    assert parts.held.sum() == 450
    assert parts.learnt.sum() == 1_050 - 120
    assert ROWS.times[parts.learnt].max() < parts.learnt_until
    assert ROWS.times[parts.held].min() - parts.learnt_until == 2 * HOUR
    assert not (parts.learnt & parts.held).any()
    empty = split(ROWS.times[:0], holdout=0.3, gap=0)
    assert not len(empty.held)


def test_it_beats_a_champion_of_another_world_and_says_so() -> None:
    spec = quick()
    before = invented(SPEC, N, telling=0, seed=1).labelled()
    champion = learn(spec, signature_of(spec), before, BEGIN)
    parts = split(ROWS.times, 0.3, HOUR)
    old = replace(champion.signature, version="4")
    found = learn(spec, old, ROWS.take(parts.learnt), parts.learnt_until)
    signature = found.signature
    assert signature.version.startswith("4-2023")
    assert cut_of(signature.version) == parts.learnt_until
    assert (signature.features, signature.feature_hash) == (old.features, old.feature_hash)
    held = ROWS.take(parts.held)
    own, other = (judged(spec, model.estimator, held) for model in (found, champion))
    gate = is_better("average_precision", own, other, held.entities, 0.1)
    assert gate.passed
    figures = figures_of("average_precision", own, other, held.entities)
    assert figures["average_precision"] > figures["champion_average_precision"] + 0.1
    share = (own.scores[own.truth == 0] >= signature.threshold).mean()
    assert 0 < share < 0.05
    data = {
        "budget": "few", "ordinary_rows": found.ordinary, "from": "a", "to": "b", "rows": 1,
        "known_until": "c", "positives": 1, "holdout_rows": 1, "holdout_positives": 1,
        "left_out": 60, "seed": 0, "fingerprint": "f", "request": "1-x",
    }  # fmt: skip
    card = write_challenger_card(spec, signature, "4", judge([gate]), figures, data)
    assert "better than version 4" in card
    assert f"| better | passed | {gate.text} |" in card
    assert "60 events between them are left\nout" in card


def test_the_same_events_make_the_same_challenger() -> None:
    spec = quick()
    one, two = (learn(spec, signature_of(spec), ROWS, BEGIN) for _ in range(2))
    assert one.signature == two.signature
    rows = ROWS.features
    assert (one.estimator.predict_proba(rows) == two.estimator.predict_proba(rows)).all()


def test_its_profile_has_the_bins_of_the_first_champion() -> None:
    spec = quick()
    first = learn(spec, signature_of(spec), ROWS, BEGIN).signature
    assert first.profile is not None
    assert first.profile.names == NAMES
    assert first.profile.rows == len(ROWS.labels)
    rows = replace(ROWS, features=ROWS.features + np.float32(0.5))
    found = learn(spec, first, rows, BEGIN).signature.profile
    assert found is not None
    assert found.fingerprint() == first.profile.fingerprint()
    assert found.columns != first.profile.columns
    assert found.rows == len(rows.labels)


def test_what_the_champion_ignores_stays_ignored() -> None:
    spec = quick()
    ignored = NAMES[0], NAMES[3]
    champion = replace(signature_of(spec), ignored=ignored)
    found = learn(spec, champion, ROWS, BEGIN)
    assert found.signature.ignored == ignored
    assert isinstance(found.estimator, KeptColumns)
    other = ROWS.features.copy()
    other[:, [0, 3]] += 9
    said = [found.estimator.predict_proba(rows)[:, 1] for rows in (ROWS.features, other)]
    assert (said[0] == said[1]).all()


def test_a_calibrated_recipe_is_calibrated_anew() -> None:
    spec = quick(calibrated=True)
    found = learn(spec, signature_of(spec), ROWS, BEGIN)
    assert isinstance(found.estimator, Composed)
    assert found.estimator.sigmoid != (1.0, 0.0)


def test_too_few_events_and_one_class_are_said_plainly() -> None:
    policy = Policy(least_rows=1_000, least_positives=100)
    parts = split(ROWS.times, 0.3, 0)
    assert not too_few(SPEC, ROWS, parts, Adaptation(policy))
    none = replace(ROWS, labels=ROWS.labels * 0)
    assert "1,050 labelled events to learn from, 0 of them positive: at least 100" in too_few(
        SPEC, none, parts, Adaptation(policy)
    )
    late = replace(ROWS, labels=np.where(parts.held, 1, ROWS.labels))
    assert "450 labelled events to compare on, 450 of them" in too_few(
        SPEC, late, parts, Adaptation(policy)
    )
    with pytest.raises(ModelError, match="of one class"):
        learn(quick(), signature_of(SPEC), replace(ROWS, labels=ROWS.labels * 0), BEGIN)


def test_calls_are_of_as_many_rows_however_few_there_are() -> None:
    asked: list[int] = []

    class Counting:
        def fit(self, X: object, y: object) -> None: ...

        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            asked.append(len(X))
            return np.zeros((len(X), 2))

    times = seconds_of_calls(Counting(), Counting(), ROWS.features[:7])
    assert min(times) >= 0
    assert set(asked) == {1_024}
