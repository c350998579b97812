"""A model's code: all that its training imports, and a model is used again for that code only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from streamsim.models.registry import Registry
from streamsim.simulator.training_code import imported, training_code
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from tests import own_domain
from tests.trained import copy, fits

TRAINING = "streamsim.simulator.model_training"


def test_imports_inside_functions_and_lazy_names_are_followed() -> None:
    found = imported(TRAINING)
    assert "streamsim.models.training" in found  # imported when a model is trained
    assert "streamsim.consumers.featurize.extraction" in imported("streamsim.consumers.featurize")


def test_what_no_training_runs_is_left_out() -> None:
    found = imported(TRAINING, "streamsim.streams.domains.finance")
    assert not {name for name in found if name.startswith("streamsim.consumers.worker")}
    assert not {"streamsim.models.service", "streamsim.simulator.run.supervisor"} & found
    assert "streamsim.streams.domains.logistics.features" not in found


def test_a_change_of_a_domains_file_changes_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMSIM_DOMAINS", str(own_domain.write(tmp_path, "altered")))
    load_domain("altered")
    before, finance = training_code("altered"), training_code("finance")
    file = tmp_path / "altered" / "features.py"
    file.write_text(file.read_text() + "\nMORE = 1\n")
    assert training_code("altered") != before
    assert training_code("finance") == finance


def release(root: Path, spec: DomainSpec, **data: object) -> Registry:
    """Make a champion of a domain that says this of its training."""
    registry = Registry(root)
    names = spec.features.vector.names
    rows = np.eye(len(names))
    made = registry.add(
        LogisticRegression().fit(rows, np.arange(len(names)) % 2),
        Signature(
            spec.model.recipe.name, "0", names, spec.features.fingerprint, 0.5, (0.0,) * len(names)
        ),
        metrics={},
        data={"source": f"world of seed {spec.model.recipe.seed}, 1 days, {{}}", **data},
        card="{version}",
        created="",
    )
    registry.promote(made.model, made.version)
    return registry


def test_only_a_champion_of_the_same_code_and_world_is_used_again(
    finance: DomainSpec, tmp_path: Path
) -> None:
    code = training_code("finance")
    same = release(tmp_path / "same", finance, code=code)
    assert fits(same, finance)
    assert not fits(release(tmp_path / "other", finance, code="0" * 16), finance)
    assert not fits(release(tmp_path / "older", finance), finance)
    assert not fits(release(tmp_path / "seed", finance, code=code, source="a file"), finance)
    assert not fits(Registry(tmp_path / "none"), finance)
    copy(finance.model.recipe.name, same.root, tmp_path / "mine")
    assert fits(Registry(tmp_path / "mine"), finance)
    assert not fits(release(tmp_path / "mine", finance, code=code), finance)  # it is version 2
