"""Gates of invented figures: what is worse, and what is only another draw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from streamsim.models.recipe_check.recipe_gates import (
    FixedWorld,
    Gate,
    Kept,
    Measured,
    Reference,
    gates,
    incomparable,
)
from streamsim.models.recipe_check.reference_file import read_reference, write_reference
from streamsim.streams.errors import UsageError
from streamsim.streams.statistics.intervals import Interval

NOISE = np.random.default_rng(1).normal(0, 0.05, 120).round(6)


def measured(auc: float = 0.8, brier: float = 0.1, own_noise: float = 0.0) -> Measured:
    """Figures whose draws go up and down with those of all recipes, and a little by themselves."""
    alone = np.random.default_rng(2).normal(0, own_noise, 120).round(6) if own_noise else 0.0
    figures = {"roc_auc": auc, "brier": brier}
    return Measured(
        model="m",
        world=FixedWorld(1, 10.0, {"size": 2.0}),
        learnt=(100, 10),
        judged=(50, 5),
        rows="rows",
        features="f1",
        figures={name: Interval(x, x - 0.1, x + 0.1) for name, x in figures.items()},
        paired={name: x + NOISE + alone for name, x in figures.items()},
        size=1000,
        refused="",
        fit_s=1.0,
        score_ms=1.0,
    )


def reference(tolerance: float = 0.0) -> Reference:
    now = measured()
    kept = {n: Kept(f.value, tolerance, now.paired[n]) for n, f in now.figures.items()}
    return Reference(now.world, "rows", "f1", kept, 1000, 1500, {})


def judged(now: Measured, tolerance: float = 0.0) -> dict[str, Gate]:
    return {gate.name: gate for gate in gates(now, reference(tolerance))}


def test_the_same_figures_pass() -> None:
    assert {gate.passed for gate in judged(measured()).values()} == {True, None}


def test_a_sure_loss_is_worse_though_each_figure_alone_varies_more() -> None:
    """The interval of each figure is 0.2 wide; the two go up and down together."""
    lost = judged(measured(auc=0.78, own_noise=0.005))
    assert lost["roc_auc"].verdict == "WORSE"
    assert lost["brier"].verdict == "fine"


def test_a_loss_that_other_entities_might_turn_round_is_not() -> None:
    assert judged(measured(auc=0.78, own_noise=0.02))["roc_auc"].verdict == "fine"


def test_a_larger_error_is_worse_and_a_smaller_is_not() -> None:
    assert judged(measured(brier=0.12, own_noise=0.005))["brier"].verdict == "WORSE"
    assert judged(measured(brier=0.08, own_noise=0.005))["brier"].verdict == "fine"


def test_a_declared_tolerance_allows_a_loss() -> None:
    now = measured(auc=0.78, own_noise=0.005)
    assert judged(now, tolerance=0.015)["roc_auc"].verdict == "fine"
    assert judged(now, tolerance=0.005)["roc_auc"].verdict == "WORSE"


def test_size_and_loading_are_gates_and_features_are_told() -> None:
    now = replace(measured(), size=1501, refused="holds a type that is not trusted", features="f2")
    found = judged(now)
    assert (found["size (bytes)"].passed, found["loads apart"].passed) == (False, False)
    assert (found["features"].change, found["features"].passed) == ("changed", None)


def test_what_cannot_be_compared_says_why() -> None:
    assert incomparable(measured(), reference()) == ""
    assert "the events are others" in incomparable(replace(measured(), rows="x"), reference())
    one = replace(measured(), paired={"roc_auc": NOISE})
    assert "other figures" in incomparable(one, reference())


def test_a_reference_is_read_as_it_was_written_and_keeps_its_tolerances(tmp_path: Path) -> None:
    file = tmp_path / "of" / "reference.json"
    write_reference(file, {"b": measured(), "a": measured(auc=0.7)})
    found = read_reference(file)
    assert list(found) == ["a", "b"]
    assert found["b"].figures["roc_auc"].value == 0.8
    np.testing.assert_allclose(found["b"].figures["roc_auc"].paired, 0.8 + NOISE, atol=1e-6)
    document = orjson.loads(file.read_bytes())
    document["domains"]["b"]["figures"]["roc_auc"]["tolerance"] = 0.25
    file.write_bytes(orjson.dumps(document))
    write_reference(file, {"b": measured(auc=0.9)})
    assert read_reference(file)["b"].figures["roc_auc"].tolerance == 0.25
    assert read_reference(file)["a"].figures["roc_auc"].value == 0.7


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2}', '{"schema": 1, "domains": {"a": {}}}'])
def test_another_file_is_refused_in_a_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "reference.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"reference\.json is"):
        read_reference(file)
