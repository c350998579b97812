"""The recipe of a small domain against its reference, and a worse recipe against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streamsim.streams.domains
from streamsim.models.recipe_check import recipe_figures
from streamsim.models.recipe_check.recipe_gates import FixedWorld, Measured, gates, incomparable
from streamsim.models.recipe_check.reference_file import read_reference, write_reference
from streamsim.simulator import recipe_worlds
from streamsim.streams.domain_registry import add_folders, load_domain
from streamsim.streams.errors import ModelError, UsageError
from streamsim.streams.spec import DomainSpec
from tests.own_domain import write

WORLD = FixedWorld(5, 14.0, {"meters": 80, "leaks": 4.0})


@pytest.fixture(scope="module")
def few_refits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe_figures, "REFITS", 3)
        yield


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory, few_refits: None) -> Iterator[DomainSpec]:
    """The domain of the docs under another name."""
    folder = write(tmp_path_factory.mktemp("checked") / "domains", "checkedwater")
    before = list(streamsim.streams.domains.__path__)
    add_folders([str(folder)])
    yield load_domain("checkedwater")
    streamsim.streams.domains.__path__[:] = before


@pytest.fixture(scope="module")
def now(spec: DomainSpec) -> Measured:
    return recipe_worlds.measure_recipe(spec, WORLD)


def built(spec: DomainSpec, build: Any) -> DomainSpec:
    recipe = replace(spec.model.recipe, build=build)
    return replace(spec, model=replace(spec.model, recipe=recipe))


class Blind:
    """A classifier that sees two columns only, one of which is the hour."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def fit(self, X: Any, y: Any) -> Blind:
        self.inner.fit(self.without(X), y)
        return self

    def predict_proba(self, X: Any) -> Any:
        return self.inner.predict_proba(self.without(X))

    @staticmethod
    def without(rows: Any) -> Any:
        return np.column_stack([rows[:, 1], np.zeros(len(rows))])


def test_an_equal_recipe_passes_and_the_figures_are_the_same(
    spec: DomainSpec, now: Measured, tmp_path: Path
) -> None:
    file = tmp_path / "reference.json"
    write_reference(file, {spec.name: now})
    again = recipe_worlds.measure_recipe(spec, WORLD)
    assert (again.figures, again.rows, again.size) == (now.figures, now.rows, now.size)
    assert all((again.paired[name] == own).all() for name, own in now.paired.items())
    reference = read_reference(file)[spec.name]
    assert incomparable(again, reference) == ""
    assert {gate.passed for gate in gates(again, reference)} == {True, None}
    assert reference.world == WORLD


def test_a_worse_recipe_fails_by_its_metric_and_is_not_loaded(
    spec: DomainSpec, now: Measured, tmp_path: Path
) -> None:
    """Its type is trusted by nobody, so the registry's checks refuse it as well."""
    file = tmp_path / "reference.json"
    write_reference(file, {spec.name: now})
    own = spec.model.recipe.build
    worse = recipe_worlds.measure_recipe(built(spec, lambda seed: Blind(own(seed))), WORLD)
    judged = {gate.name: gate for gate in gates(worse, read_reference(file)[spec.name])}
    assert judged["average_precision"].verdict == "WORSE"
    assert judged["loads apart"].passed is False
    assert "Blind" in judged["loads apart"].now


def test_another_world_is_not_compared(spec: DomainSpec, now: Measured, tmp_path: Path) -> None:
    file = tmp_path / "reference.json"
    write_reference(file, {spec.name: now})
    other = recipe_worlds.measure_recipe(spec, replace(WORLD, seed=6))
    assert "the events are others" in incomparable(other, read_reference(file)[spec.name])


def test_a_world_that_is_too_short_says_so(spec: DomainSpec) -> None:
    with pytest.raises(ModelError, match="needs more days"):
        recipe_worlds.measure_recipe(spec, replace(WORLD, days=3.0))


def test_an_option_that_the_world_does_not_have_is_named(spec: DomainSpec) -> None:
    with pytest.raises(UsageError, match="has no option pipes"):
        recipe_worlds.measure_recipe(spec, replace(WORLD, options={"pipes": 1}))
