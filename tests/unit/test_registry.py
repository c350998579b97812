"""The registry: a version that cannot be loaded is not released in the first place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from streamsim.models.registry import Registry
from streamsim.streams.errors import ModelError
from streamsim.streams.signature import Signature
from streamsim.streams.spec import Estimator

ROWS = np.arange(40, dtype=np.float32).reshape(-1, 2)
LABELS = np.arange(20) % 2
SIGNATURE = Signature("m", "0", ("a", "b"), "hash", 0.5, (0.0, 0.0))


def release(registry: Registry, estimator: Estimator) -> Signature:
    fitted = estimator.fit(ROWS, LABELS)
    return registry.add(fitted, SIGNATURE, metrics={}, data={}, card="", created="")


def test_a_model_of_untrusted_types_is_refused_when_it_is_released(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with pytest.raises(ModelError, match=r"m holds untrusted types: .*Tree"):
        release(registry, RandomForestClassifier(3))
    assert registry.models() == []


def test_a_model_that_is_released_can_be_loaded(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    signature = release(registry, LogisticRegression())
    estimator, loaded = registry.load("m", signature.version)
    assert loaded == signature
    assert estimator.predict_proba(ROWS).shape == (20, 2)


def test_versions_added_and_promoted_at_once_are_all_whole(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    fitted = LogisticRegression().fit(ROWS, LABELS)
    seen = set()

    def add(number: int) -> str:
        about = {"metrics": {}, "data": {}, "card": "", "created": str(number)}
        return Registry(tmp_path).add(fitted, SIGNATURE, **about).version  # type: ignore[arg-type]

    def promote(version: str) -> None:
        Registry(tmp_path).promote("m", version)
        seen.add(registry.champion("m"))

    with ThreadPoolExecutor(20) as pool:
        versions = list(pool.map(add, range(20)))
        assert sorted(map(int, versions)) == list(range(1, 21))
        list(pool.map(promote, versions))
    assert seen <= set(versions)  # never empty, and never half a number
    assert all(registry.load("m", version)[1].version == version for version in versions)
    assert sorted(path.name for path in (tmp_path / "m").iterdir() if path.is_file()) == [
        "champion"
    ]
