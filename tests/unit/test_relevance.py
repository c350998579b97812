"""Noise is dropped and named in the card; what tells something stays, and is worth something."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from streamsim.consumers.monitor.alerting import reasons
from streamsim.models.kept_columns import KeptColumns
from streamsim.models.labelled import Labelled
from streamsim.models.registry import Registry
from streamsim.models.training import train
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.healthcare import SPEC
from streamsim.streams.errors import UsageError
from streamsim.streams.events import as_objects
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.feature_vector import FeatureSpec
from streamsim.streams.spec.recipes import Estimator, Selection

TELLING = ("pressure", "kind", "pulse")
NOISE = tuple(f"noise_{i}" for i in range(12))
NAMES = (*TELLING, "pressure_too", *NOISE, "always")
ROWS = 6_000


def build(seed: int) -> Estimator:
    return LogisticRegression(random_state=seed)


@pytest.fixture(scope="module")
def data() -> Labelled:
    """Rows of 1,500 entities, of which three features say something, one of them twice."""
    random = np.random.default_rng(7)
    entity = random.integers(1_500, size=ROWS)
    pressure, pulse = random.normal(size=ROWS), random.normal(size=ROWS)
    kind = random.integers(4, size=ROWS)
    odds = -1.2 + 0.9 * pressure - 0.6 * pulse + 0.5 * kind
    labels = (random.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    too = pressure + random.normal(0, 0.4, ROWS)
    noise = random.normal(size=(ROWS, len(NOISE)))
    noise[:, ::2] = random.integers(3, size=noise[:, ::2].shape)  # words as numbers, too
    columns = [pressure, kind, pulse, too, noise, np.ones(ROWS)]
    features = np.column_stack(columns).astype(np.float32)
    times = np.arange(ROWS) * 60_000
    entities = as_objects(f"p{e}" for e in entity)
    return Labelled(features, labels, times, entities, np.empty((ROWS, 0)))


def spec_of(selection: Selection | None) -> DomainSpec:
    vector = FeatureSpec(
        NAMES, SPEC.features.vector.assemble, {name: name for name in NAMES},
        {"all": NAMES, "noise": NOISE},
    )  # fmt: skip
    recipe = replace(SPEC.model.recipe, build=build, selection=selection)
    return replace(
        SPEC,
        features=replace(SPEC.features, vector=vector),
        model=replace(SPEC.model, recipe=recipe),
    )


def release(
    selection: Selection | None, data: Labelled, folder: Path
) -> tuple[Registry, Signature]:
    registry = Registry(folder)
    return registry, train(spec_of(selection), registry, data, source="drawn")


def rows_of(card: str, section: str) -> dict[str, list[str]]:
    """Return the cells of a section's table by the first one, below its head."""
    text = card.partition(f"## {section}\n")[2].partition("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {name: rest for name, *rest in cells[2:]}


def test_noise_is_dropped_and_named_in_the_card(data: Labelled, tmp_path: Path) -> None:
    registry, signature = release(Selection(), data, tmp_path)
    card = registry.card(signature.model, signature.version)
    kept, dropped = rows_of(card, "Relevance"), rows_of(card, "Dropped")
    assert set(TELLING) <= set(kept) <= {*TELLING, "pressure_too"}
    assert {*NOISE, "always"} <= set(dropped) == set(signature.ignored)
    assert set(kept) | set(dropped) == set(NAMES)
    assert dropped["always"][-1] == "it has one value"
    for name in NOISE:
        picked, why = dropped[name]
        assert float(picked) < 0.6
        assert why == "too seldom picked: 60% are asked for"
    if "pressure_too" in dropped:
        assert dropped["pressure_too"][-1].endswith("it says much the same as pressure")
    for name in TELLING:
        lost, picked = kept[name]
        value, low, _ = map(float, lost.replace("(", "").replace(")", "").replace("to", "").split())
        assert value > low > 0.005, (name, lost)
        assert float(picked) > 0.9


def test_the_model_takes_whole_rows_and_ignores_what_was_dropped(
    data: Labelled, tmp_path: Path
) -> None:
    registry, signature = release(Selection(), data, tmp_path)
    estimator, loaded = registry.load(signature.model, signature.version)
    assert isinstance(estimator, KeptColumns)
    assert loaded == signature
    assert loaded.features == NAMES
    said = estimator.predict_proba(data.features)
    other = data.features.copy()
    for name in signature.ignored:
        other[:, NAMES.index(name)] = -7
    np.testing.assert_array_equal(estimator.predict_proba(other), said)
    other[:, NAMES.index("pressure")] += 1
    assert (estimator.predict_proba(other) != said).any(axis=1).all()


def test_dropping_noise_costs_next_to_nothing_and_no_selection_keeps_all(
    data: Labelled, tmp_path: Path
) -> None:
    areas = {}
    for selection in (None, Selection()):
        registry, signature = release(selection, data, tmp_path)
        areas[selection] = registry.release(signature.model, signature.version).metrics["roc_auc"]
        card = registry.card(signature.model, signature.version)
        assert ("## Dropped" in card) == (selection is not None) == bool(signature.ignored)
    assert areas[Selection()] > areas[None] - 0.005


def test_where_labels_mean_nothing_the_card_says_so_and_all_is_used(
    data: Labelled, tmp_path: Path
) -> None:
    mixed = replace(data, labels=np.random.default_rng(3).permutation(data.labels))
    registry, signature = release(Selection(), mixed, tmp_path)
    card = registry.card(signature.model, signature.version)
    assert signature.ignored == ()
    assert "Nothing was picked often enough" in card
    assert not rows_of(card, "Dropped")


def test_an_alert_is_not_explained_by_what_the_model_ignores(data: Labelled) -> None:
    row = np.full((1, len(NAMES)), 9.0, np.float32)
    plain = Signature("m", "1", NAMES, "", 0.5, (0.0,) * len(NAMES))
    for ignored, shown in ((), "pressure"), (("pressure", "kind"), "pulse"):
        (why, *_), *_ = reasons(
            spec_of(None), row, np.array([0.9]), np.array([0.2, 0.9]),
            replace(plain, ignored=ignored),
        )  # fmt: skip
        assert why["feature"] == shown


@pytest.mark.parametrize("wrong", [{"share": 0.5}, {"pairs": 0}, {"penalty": 0.0}])
def test_a_selection_that_would_keep_noise_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="a share above a half"):
        Selection(**wrong)  # type: ignore[arg-type]


def test_what_puts_slates_forward_cannot_select() -> None:
    model = load_domain("technology").model
    with pytest.raises(UsageError, match="slate"):
        replace(model, recipe=replace(model.recipe, selection=Selection()))


def test_a_signature_without_what_it_ignores_can_be_read() -> None:
    signature = Signature("m", "1", NAMES, "", 0.5, (0.0,) * len(NAMES), ignored=("always",))
    document = signature.as_dict()
    assert Signature.from_dict(document) == signature
    del document["ignored"]
    assert Signature.from_dict(document).ignored == ()
