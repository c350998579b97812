"""``docs/model-life.md``: its tables are those of the code, and its commands run on a stack."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from streamsim.consumers.predict.model_schedule import CHANGES, RENEWED, UNCHANGED
from streamsim.models.registry import Registry
from streamsim.simulator.run.life.adaptive import LEARNING, LEARNT, PROPOSED
from streamsim.simulator.run.life.life_lines import CHAMPION
from streamsim.simulator.run.life.life_requests import ACTIONS, ASKED, REFUSED
from streamsim.simulator.run.life.requirements import KEYS
from streamsim.simulator.run.life.watching.drift_watch import DATA_QUALITY, DRIFT
from streamsim.simulator.run.life.watching.error_watch import ERROR_DRIFT
from streamsim.simulator.run.life.watching.estimate_watch import LOW_ESTIMATE
from streamsim.simulator.run.life.watching.model_watch import LOW_METRIC
from streamsim.streams.domains.finance import SPEC as FINANCE
from streamsim.streams.spec.adapting import (
    Action,
    Adaptation,
    Margins,
    Trial,
    Trigger,
    Window,
)
from streamsim.streams.spec.world_changes import CHANGE
from tests.command_lines import refused
from tests.conftest import ROOT
from tests.stacks import Up, streamsim

PAGE = (ROOT / "docs" / "model-life.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]
ASKING = ("streamsim models", "streamsim set", "streamsim watch")
SIXTY_S = 60.0


def first_column(heading: str) -> list[str]:
    """The names in code in the first column of the table with that heading."""
    table = PAGE.split(heading, 1)[1].split("\n\n", 1)[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_every_command_of_the_page_exists() -> None:
    assert len(COMMANDS) > 12
    assert [refused(command) for command in COMMANDS] == [""] * len(COMMANDS)


def test_the_tables_name_what_there_is() -> None:
    told = first_column("| event | meaning |")
    assert sorted(told) == sorted(
        (*CHANGES, CHAMPION, RENEWED, UNCHANGED, LEARNING, LEARNT, PROPOSED, ASKED, REFUSED)
    )
    keys = [name.partition("=")[0] for name in first_column("| `set` | meaning |")]
    assert keys == list(KEYS)
    asked = [name.split()[0] for name in first_column("| command | what it does to the stack |")]
    assert sorted(asked) == sorted(ACTIONS)
    assert set(CHANGE) <= set(first_column("| option | meaning |"))
    assert first_column("| incident |") == [
        LOW_METRIC, LOW_ESTIMATE, ERROR_DRIFT, DRIFT, DATA_QUALITY
    ]  # fmt: skip


def test_the_parts_of_a_policy_are_told() -> None:
    triggers = {one.name for one in Trigger} - {Trigger.HAND.name}
    assert set(first_column("| trigger |")) == triggers
    assert first_column("| window |") == [one.name for one in Window]
    assert first_column("| action |") == [one.name for one in Action]
    gates = PAGE.split("| gate |", 1)[1].split("\n\n", 1)[0]
    numbers = {name for row in gates.splitlines() for name in re.findall(r"`(\w+)`", row)}
    assert {own.name for own in fields(Margins)} <= numbers
    bounds = PAGE.split("| bound |", 1)[1].split("\n\n", 1)[0]
    told = dict(re.findall(r"`(\w+)` \(([\d.]+)\)", bounds))
    of_trial = {own.name: own.default for own in fields(Trial) if own.name in told}
    assert len(of_trial) == len(told) == 4
    assert {name: float(own) for name, own in told.items()} == of_trial


def test_the_adaptation_of_the_page_is_one() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {"LEAK": FINANCE.model.recipe}
    exec(code, names)
    adaptation: Adaptation = names["ADAPTATION"]
    assert names["MODEL"].adaptation is adaptation
    adaptation.check(FINANCE.labels)


@pytest.fixture
def two_versions(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a user whose registry has finance's model twice; the first is champion."""
    home, model = tmp_path / "home", "finance-fraud"
    own, champion = Registry(home / "registry"), registry.champion(model)
    assert champion is not None
    (estimator, signature), release = (
        registry.load(model, champion),
        registry.release(model, champion),
    )
    for _ in range(2):
        own.add(
            estimator, signature, data=release.data, metrics=release.metrics,
            card="# {version}\n", created=release.created,
        )  # fmt: skip
    own.promote(model, "1")
    monkeypatch.setenv("STREAMSIM_HOME", str(home))
    return tmp_path


@pytest.mark.stack
@pytest.mark.slow
def test_the_commands_of_the_page_are_obeyed(two_versions: Path) -> None:
    commands = [command for command in COMMANDS if command.startswith(ASKING)]
    told = {
        "models shadow": "2 scores in shadow of 1",
        "models canary": "2 answers 20% of the entities as canary of 1",
        "models promote": "2 is the champion in place of 1",
        "models rollback": "1 is the champion again in place of 2",
        "models withdraw": "1 answers alone again",
        "models at": "finance-fraud at 2025-",
        "set finance": "1 alerts from 0.9",
        "watch models": "is champion from the beginning",
        "watch incidents": "",
    }
    with Up(two_versions) as up:
        up.flowing()
        for command in commands:
            limited = "watch" in command
            words = shlex.split(command)[1:] + ["--timeout", "2"] * limited
            done = streamsim(*words, timeout=SIXTY_S)
            expected = next((text for part, text in told.items() if part in command), "")
            assert expected in done.stdout + done.stderr, f"{command}\n{done.stdout}{done.stderr}"
            assert done.returncode == 0, f"{command}\n{done.stderr}"
        up.interrupt()
        assert up.ended() == 0
    after = streamsim("models", "at", "2030-01-01T00:00")
    assert "1 alerts from 0.9" in after.stdout
    assert "unaccounted" not in up.text
