"""A model's structure: indices of trees in range, no cycle, and rows of the right width."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import skops.io
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from streamsim.models.checking.structure import check_structure
from streamsim.models.checking.trial import try_model
from streamsim.models.composed import Composed
from streamsim.models.kept_columns import KeptColumns
from streamsim.models.registry import MODEL, RELEASE, Registry
from streamsim.streams.errors import ModelError
from streamsim.streams.signature import Signature

SIGNATURE = Signature("m", "1", ("a", "b", "c"), "hash", 0.5, (0.0, 0.0, 0.0))
DRAW = np.random.default_rng(5)
X = DRAW.random((400, 3))
Y = (X[:, 0] + X[:, 1] > 1).astype(np.int64)


def boosted() -> Any:
    return HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(X, Y)


def nodes_of(estimator: Any) -> Any:
    return estimator._predictors[1][0].nodes


def spoil(change: Callable[[Any], None]) -> Any:
    estimator = boosted()
    change(nodes_of(estimator))
    return estimator


def _set(name: str, row: int, value: int) -> Callable[[Any], None]:
    def change(nodes: Any) -> None:
        nodes[name][row] = value

    return change


SPOILT = {
    "a child far outside": _set("left", 0, 4_000_000_000),
    "a child just outside": lambda nodes: _set("right", 0, len(nodes))(nodes),
    "its own child": _set("left", 0, 0),
    "a column far outside": _set("feature_idx", 0, 10**9),
    "a column that only a wider row has": _set("feature_idx", 0, 3),
    "a column before the first": _set("feature_idx", 0, -1),
    "categories that are not there": lambda nodes: (
        _set("is_categorical", 0, 1)(nodes), _set("bitset_idx", 0, 7)(nodes),
    )[0],
}  # fmt: skip


def craft(root: Path, estimator: Any) -> Registry:
    """Write a version as somebody else would: with a hash that is right."""
    registry = Registry(root)
    registry.add(boosted(), SIGNATURE, metrics={}, data={}, card="", created="now")
    blob = skops.io.dumps(estimator)
    for name, data in ((MODEL, blob), (RELEASE, b"")):
        path = root / "m" / "1" / name
        path.chmod(0o644)
        if name == RELEASE:
            document = orjson.loads(path.read_bytes())
            data = orjson.dumps({**document, "sha256": hashlib.sha256(blob).hexdigest()})
        path.write_bytes(data)
    return registry


@pytest.mark.parametrize(
    "estimator",
    [boosted(), ExtraTreesClassifier(3, random_state=0).fit(X, Y), LogisticRegression().fit(X, Y),
     Composed(boosted(), [], []), KeptColumns(np.array([2, 0, 1]), boosted())],
    ids=lambda own: type(own).__name__,
)  # fmt: skip
def test_a_sound_model_passes_and_a_wrong_width_does_not(estimator: Any) -> None:
    check_structure("m", estimator, 3)
    with pytest.raises(ModelError):
        check_structure("m", estimator, 2)


@pytest.mark.parametrize("change", SPOILT.values(), ids=SPOILT)
def test_a_tree_that_points_elsewhere_is_refused(
    change: Callable[[Any], None], tmp_path: Path
) -> None:
    estimator = spoil(change)
    with pytest.raises(ModelError, match="is damaged: a tree"):
        check_structure("m", KeptColumns(np.arange(3), estimator), 9)
    for wrapped in (estimator, Composed(estimator, [], []), KeptColumns(np.arange(3), estimator)):
        with pytest.raises(ModelError, match="is damaged: a tree"):
            check_structure("m", wrapped, 3)
    with pytest.raises(ModelError, match="is damaged: a tree"):
        craft(tmp_path, estimator).load("m", "1")
    with pytest.raises(ModelError, match="is damaged: a tree"):
        Registry(tmp_path).add(
            estimator, SIGNATURE, metrics={}, data={}, card="", created="now"
        )  # fmt: skip


def test_columns_that_no_row_has_are_refused() -> None:
    for columns in ([0, 3], [-1], [0.5]):
        with pytest.raises(ModelError, match="columns that its rows do not have"):
            check_structure("m", KeptColumns(np.array(columns), boosted()), 3)


def test_a_model_of_another_width_is_not_released(tmp_path: Path) -> None:
    narrow = LogisticRegression().fit(X[:, :2], Y)
    with pytest.raises(ModelError, match="rows of 2 columns, and its signature has 3"):
        Registry(tmp_path).add(narrow, SIGNATURE, metrics={}, data={}, card="", created="now")
    with pytest.raises(ModelError, match="rows of 2 columns, and its signature has 3"):
        craft(tmp_path, narrow).load("m", "1")


def test_a_version_is_tried_once_in_a_process_of_its_own(tmp_path: Path) -> None:
    registry = craft(tmp_path / "own", boosted())
    sha256 = registry.release("m", "1").sha256
    assert not registry.is_tried(sha256)
    try_model(registry, "m", "1")
    assert registry.is_tried(sha256)
    bad = LogisticRegression().fit(X, Y)
    bad.coef_ = np.full((1, 3), np.nan)
    with pytest.raises(ModelError, match=r"fails in its trial|no chances"):
        try_model(craft(tmp_path / "bad", bad), "m", "1")
    with pytest.raises(ModelError, match="is damaged: a tree"):
        try_model(craft(tmp_path / "worse", spoil(SPOILT["its own child"])), "m", "1")


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    registry = craft(tmp_path, boosted())
    path = tmp_path / "m" / "1" / RELEASE
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), "signature": [1]}))
    with pytest.raises(ModelError, match=f"{RELEASE} is damaged"):
        registry.release("m", "1")
    path.write_bytes(b"\xff")
    with pytest.raises(ModelError, match=f"{RELEASE} is damaged"):
        registry.load("m", "1")
