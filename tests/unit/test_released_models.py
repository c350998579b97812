"""``streamsim models``: its subcommands on a registry of two small versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from streamsim.models.registry import Registry
from streamsim.simulator.cli import main
from streamsim.streams.errors import ModelError, UsageError
from streamsim.streams.signature import Signature


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setenv("STREAMSIM_HOME", str(tmp_path))
    made = Registry(tmp_path / "registry")
    model = LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])
    for auc in (0.75, 0.5):
        signature = Signature("leaks", "0", ("flow",), "1a2b", auc, (0.0,))
        made.add(
            model,
            signature,
            metrics={"roc_auc": auc},
            data={"source": "a.csv", "rows": 1200},
            card="# leaks {version}\n**Model.** LogisticRegression, feature hash `1a2b`.\n",
            created="2025-01-01T00:00:00+00:00",
        )
    made.promote("leaks", "1")
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["models", *arguments])


def error_of(*arguments: str) -> Any:
    return run(*arguments).exception


def test_without_a_subcommand_they_are_listed(registry: Registry) -> None:
    assert run().output == run("list").output
    lines = run().output.splitlines()
    assert len(lines) == 2
    assert "champion" in lines[0]
    assert all("LogisticRegression  roc_auc" in line for line in lines)


def test_show_prints_the_champions_card_or_another(registry: Registry) -> None:
    assert run("show", "leaks").output.startswith("# leaks 1\n")
    assert run("show", "leaks", "2").output.startswith("# leaks 2\n")


def test_promote_makes_a_champion(registry: Registry) -> None:
    told = run("promote", "leaks", "2").output.splitlines()
    assert told[0] == "leaks 2 is champion"
    assert "no running stack serves leaks" in told[1]
    assert registry.champion("leaks") == "2"


def test_diff_marks_what_differs(registry: Registry) -> None:
    lines = run("diff", "leaks", "1", "2").output.splitlines()
    marked = {line[2:].split("  ")[0] for line in lines if line.startswith("*")}
    assert marked == {"roc_auc", "alerts from"}
    assert any(line.split() == ["rows", "1,200", "1,200"] for line in lines)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("show",), UsageError, "needs the name of a model"),
        (("show", "nothing"), ModelError, "no model 'nothing'"),
        (("promote", "leaks"), UsageError, "needs a version"),
        (("promote", "leaks", "9"), ModelError, "no model leaks 9"),
        (("diff", "leaks", "1", "9"), ModelError, "no model leaks 9"),
    ],
)
def test_what_is_wrong_is_told(
    registry: Registry, arguments: tuple[str, ...], error: type[Exception], said: str
) -> None:
    found = error_of(*arguments)
    assert isinstance(found, error)
    assert said in str(found)
