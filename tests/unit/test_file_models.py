"""A file has a model of its own, and that model scores what came after its training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamsim.models.registry import Registry
from streamsim.simulator.file_models import after_training, doubts
from streamsim.simulator.model_training import SCORES_FROM, WORLD
from streamsim.simulator.training_period import parse_day
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError

FINANCE = load_domain("finance")
FILE = Path("bank/payments.csv")
TRAINED = {"source": "payments.csv", SCORES_FROM: "2025-03-01T00:00:00Z"}
SIMULATED = {"source": f"{WORLD} 3, 70 days, {{}}"}


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


def said(data: dict[str, Any], **scored: int) -> list[str]:
    champion: Any = SimpleNamespace(model="finance-fraud", version="2")
    columns = {"finance": Path("map.toml")}
    return doubts([FINANCE], [champion], Released(data), {"finance": FILE}, columns, scored)


def test_a_simulated_judge_is_announced_with_the_command_that_trains_another() -> None:
    (text,) = said(SIMULATED)
    assert (
        "streamsim train finance --source bank/payments.csv --columns map.toml --first 70%" in text
    )


def test_a_model_that_scores_its_own_training_data_is_announced() -> None:
    (text,) = said(TRAINED)
    assert "--after-training" in text
    assert said(TRAINED, finance=7) == []
    assert said({**TRAINED, "source": "other.csv"}) == []


def test_events_are_new_to_a_model_from_the_end_of_its_training() -> None:
    found = after_training([FINANCE], Released(TRAINED), {"finance": FILE})
    assert found == {"finance": parse_day("2025-03-01")}


@pytest.mark.parametrize(
    "registry",
    [
        Released({}),
        Released(SIMULATED),
        Released({**TRAINED, "source": "other.csv"}),
        Released(TRAINED, "other features"),
    ],
)
def test_a_model_that_did_not_learn_from_the_file_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"did not learn from payments\.csv; train one on it: "):
        after_training([FINANCE], registry, {"finance": FILE})


def test_without_a_file_there_is_nothing_to_score() -> None:
    with pytest.raises(UsageError, match="goes with --source"):
        after_training([FINANCE], Released(TRAINED), {})
