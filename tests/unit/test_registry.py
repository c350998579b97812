"""The registry: a version that cannot be loaded is not released in the first place."""

from __future__ import annotations

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
