"""A model service that is started again in a run answers by default with the run's champion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from streamsim.models.loaded import Shelf
from streamsim.models.registry import CHAMPION, MODEL, Registry
from streamsim.models.serve import _load_again
from streamsim.streams.signature import Signature

FIRST = Signature("m", "1", ("a", "b"), "hash", 0.5, (0.0, 0.0))
ESTIMATOR = LogisticRegression().fit(np.arange(40).reshape(-1, 2), np.arange(20) % 2)


@pytest.fixture
def of_run(tmp_path: Path) -> Registry:
    own = Registry(tmp_path / "run")
    for version in ("1", "2"):
        own.put(ESTIMATOR, replace(FIRST, version=version), data={}, created="")
    return own


@pytest.fixture
def shelf(tmp_path: Path, of_run: Registry) -> Shelf:
    shelf = Shelf(Registry(tmp_path / "home"), of_run)
    shelf.load("m", "1")
    return shelf


def test_the_runs_champion_answers_by_default(shelf: Shelf, of_run: Registry) -> None:
    _load_again(shelf, of_run, "m")
    assert shelf.default("m") == "1"  # nothing has been decided yet
    of_run.set_alias("m", CHAMPION, "2")
    _load_again(shelf, of_run, "m")
    assert shelf.default("m") == "2"
    assert shelf.versions("m") == ["1", "2"]  # events of an earlier time still ask for the first


def test_a_damaged_champion_leaves_the_first(shelf: Shelf, of_run: Registry) -> None:
    of_run.set_alias("m", CHAMPION, "2")
    (of_run.root / "m" / "2" / MODEL).write_bytes(b"damaged")
    _load_again(shelf, of_run, "m")
    assert shelf.default("m") == "1"
