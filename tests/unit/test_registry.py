"""The registry: a version that cannot be loaded is not released."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from streamsim.models.registry import ALIASES, Registry
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


def test_each_alias_is_given_and_taken_by_itself(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    versions = [release(registry, LogisticRegression()).version for _ in range(2)]
    assert registry.aliases("m") == {}
    registry.promote("m", "1")
    for name in ALIASES[1:]:
        registry.set_alias("m", name, "2")
    assert registry.aliases("m") == {"champion": "1", **dict.fromkeys(ALIASES[1:], "2")}
    for name in ALIASES[1:]:
        registry.set_alias("m", name, None)
        registry.set_alias("m", name, None)  # nobody bears it: nothing to do
    assert registry.aliases("m") == {"champion": "1"}
    assert registry.versions("m") == versions
    for wrong in ("boss", "", "1", "../champion"):
        with pytest.raises(ModelError, match="no alias"):
            registry.set_alias("m", wrong, "1")
        with pytest.raises(ModelError, match="no alias"):
            registry.alias("m", wrong)
    with pytest.raises(ModelError, match="m has no version 3"):
        registry.set_alias("m", "canary", "3")


def test_a_version_that_bears_an_alias_is_not_deleted(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for _ in range(3):
        release(registry, LogisticRegression())
    registry.promote("m", "1")
    registry.set_alias("m", "canary", "2")
    for version in ("1", "2", "3", "4"):
        registry.drop("m", version)
    assert registry.versions("m") == ["1", "2"]


def test_a_version_is_adopted_from_another_registry(tmp_path: Path) -> None:
    home, run = Registry(tmp_path / "home"), Registry(tmp_path / "run")
    released = [release(home, LogisticRegression()) for _ in range(2)][1]
    assert run.adopt(home.root / "m" / "2") == released
    assert run.adopt(home.root / "m" / "2") == released  # once more changes nothing
    assert run.versions("m") == ["2"]
    assert run.release("m", "2") == home.release("m", "2")
    assert run.load("m", "2")[1] == released
    assert run.is_tried(run.release("m", "2").sha256)
    assert run.champion("m") is None


def test_what_is_damaged_or_anothers_is_not_adopted(tmp_path: Path) -> None:
    home, run = Registry(tmp_path / "home"), Registry(tmp_path / "run")
    release(home, LogisticRegression())
    release(run, LogisticRegression(C=0.001))
    folder = home.root / "m" / "1"
    with pytest.raises(ModelError, match="has another model as m 1"):
        run.adopt(folder)
    shutil.copytree(folder, home.root / "m" / "2")
    with pytest.raises(ModelError, match="the folder of another version"):
        run.adopt(home.root / "m" / "2")
    with pytest.raises(ModelError, match="no model m 7"):
        run.adopt(home.root / "m" / "7")
    (folder / "model.skops").chmod(0o644)
    (folder / "model.skops").write_bytes(b"spoilt")
    with pytest.raises(ModelError, match="not the file that was released"):
        Registry(tmp_path / "third").adopt(folder)
    assert Registry(tmp_path / "third").models() == []
