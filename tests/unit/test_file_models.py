"""A file has a model of its own, and that model scores what came after its training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamsim.models.registry import Registry
from streamsim.simulator.file_identity import identity
from streamsim.simulator.file_models import after_training, doubts
from streamsim.simulator.model_training import IDENTITY, SCORES_FROM, WORLD
from streamsim.simulator.training_period import parse_day
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError

FINANCE = load_domain("finance")
PAYMENTS = "event_id,event_time,card_id,terminal_id,amount_cents\n"
SIMULATED = {"source": f"{WORLD} 3, 70 days, {{}}"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "payments.csv"
    path.write_text(PAYMENTS)
    return path


def trained(path: Path) -> dict[str, Any]:
    return {SCORES_FROM: "2025-03-01T00:00:00Z", IDENTITY: identity(path)}


class Released(Registry):
    """A registry whose champion learnt from the given data."""

    def __init__(self, data: dict[str, Any], features: str = FINANCE.features.fingerprint) -> None:
        self._data, self._features = data, features

    def champion(self, model: str) -> str | None:
        return "2" if self._data else None

    def release(self, model: str, version: str) -> Any:
        return SimpleNamespace(
            data=self._data, signature=SimpleNamespace(feature_hash=self._features)
        )


def said(data: dict[str, Any], file: Path, **scored: int) -> list[str]:
    champion: Any = SimpleNamespace(model="finance-fraud", version="2")
    columns = {"finance": Path("map.toml")}
    return doubts([FINANCE], [champion], Released(data), {"finance": file}, columns, scored)


def test_a_simulated_judge_is_announced_with_the_command_that_trains_another(file: Path) -> None:
    (text,) = said(SIMULATED, file)
    command = f"streamsim train finance --source {file} --columns map.toml --first 70%"
    assert command in text


def test_a_model_that_scores_its_own_training_data_is_announced(file: Path, tmp_path: Path) -> None:
    data, day = trained(file), parse_day("2025-03-01")
    for scored in ({}, {"finance": day - 1}):
        (text,) = said(data, file, **scored)
        assert "--after-training" in text
    assert said(data, file, finance=day) == []
    other = tmp_path / "other" / file.name
    other.parent.mkdir()
    other.write_text(PAYMENTS.replace("card_id", "card"))
    assert said(data, other) == []


def test_events_are_new_to_a_model_from_the_end_of_its_training(file: Path) -> None:
    released = Released(trained(file))
    found = after_training([FINANCE], released, {"finance": file})
    assert found == {"finance": parse_day("2025-03-01")}
    grown = file.rename(file.with_name("april.csv"))
    with grown.open("a") as opened:
        opened.write("e1,2025-04-01T00:00:00Z,c,t,100\n")
    assert after_training([FINANCE], released, {"finance": grown}) == found


def test_a_model_that_did_not_learn_from_the_file_is_refused(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n")
    for registry in (
        Released({}),
        Released(SIMULATED),
        Released(trained(other)),
        Released(trained(file), "other features"),
    ):
        with pytest.raises(UsageError, match=r"did not learn from payments\.csv; train one on it"):
            after_training([FINANCE], registry, {"finance": file})


def test_without_a_file_there_is_nothing_to_score() -> None:
    with pytest.raises(UsageError, match="goes with --source"):
        after_training([FINANCE], Released({}), {})
