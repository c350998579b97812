"""Simulated worlds judge a champion that learnt from one, and say which it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from streamsim.benchmarks.alerts import Options, run
from streamsim.benchmarks.measuring.judged_champion import about, judged_champion
from streamsim.models.registry import Registry
from streamsim.simulator.model_training import WORLD
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.signature import Signature

FINANCE = load_domain("finance")
NAME = FINANCE.model.recipe.name


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("STREAMSIM_HOME", str(tmp_path))
    return Registry(tmp_path / "registry")


def release(registry: Registry, source: str) -> str:
    """Release a champion that was trained on a source."""
    names = FINANCE.features.vector.names
    rows = np.random.default_rng(0).normal(size=(20, len(names)))
    usual = tuple(0.0 for _ in names)
    signature = Signature(NAME, "0", names, FINANCE.features.fingerprint, 0.5, usual)
    released = registry.add(
        LogisticRegression().fit(rows, np.arange(20) % 2),
        signature,
        metrics={},
        data={"source": source, "from": "2018-07-25T00:00", "to": "2018-07-31T09:00", "rows": 1234},
        card="",
        created="",
    )
    registry.promote(NAME, released.version)
    return released.version


def test_what_learnt_from_a_world_is_judged_and_named(registry: Registry) -> None:
    release(registry, f"{WORLD} 7, 70 days, {{}}")
    model, found = judged_champion(FINANCE)
    assert model.signature.version == "1"
    assert about(found) == (
        f"{NAME} 1 was trained on {WORLD} 7, 70 days, {{}}, 2018-07-25 to 2018-07-31, 1,234 events"
    )


def test_what_learnt_from_files_is_judged_only_if_that_is_asked_for(registry: Registry) -> None:
    release(registry, "payments.parquet")
    with pytest.raises(
        UsageError, match=f"{NAME} 1 was trained on payments.parquet.*: stream"
    ) as e:
        judged_champion(FINANCE)
    assert "streamsim train finance makes" in str(e.value)
    assert "\n" not in str(e.value)
    assert judged_champion(FINANCE, trained_on_files=True)[1].data["source"] == "payments.parquet"


def test_the_benchmark_names_the_version_that_could_be_judged_instead(registry: Registry) -> None:
    release(registry, f"{WORLD} 7, 70 days, {{}}")
    release(registry, "payments.parquet")
    with pytest.raises(UsageError, match=f"streamsim models promote {NAME} 1 makes"):
        run(Options())
