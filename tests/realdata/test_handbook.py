"""Real card transactions through the whole stack: the handbook's figures, features row for row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest

from streamsim.models.registry import Registry
from streamsim.simulator.reading import read_whole
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import Run
from streamsim.simulator.run.stack import Stack
from streamsim.simulator.run.supervisor import Supervisor
from streamsim.simulator.run.view import make_view
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import SCORES, topic, topics_of
from tests.integration.test_readme import COMMANDS, shell
from tests.realdata.reference import features

pytestmark = [pytest.mark.slow, pytest.mark.stack]


@pytest.mark.nightly
def test_the_handbooks_figures_are_beaten(handbook: Path, tmp_path: Path) -> None:
    """The README's own command ends with an error if a figure falls short."""
    (tmp_path / "transactions.parquet").symlink_to(handbook)
    (command,) = [c for c in COMMANDS if c.startswith("streamsim bench handbook")]
    done = shell(f"{command} --report figures.json", tmp_path, 900)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "figures.json").read_text())
    figures = found["figures"]
    assert figures["auc"] >= 0.88
    assert figures["average_precision"] >= 0.675
    assert figures["cp_100"] >= 0.293
    assert [week["from"] for week in found["weeks"]] == ["2018-08-08"]
    assert found["weeks"][0]["events"] > 50_000
    assert found["intervals"]["auc"]["low"] < figures["auc"] < found["intervals"]["auc"]["high"]


@pytest.mark.nightly
def test_streamed_features_equal_pandas_row_for_row(
    handbook: Path, registry: Registry, finance: DomainSpec
) -> None:
    """At full speed, over eight partitions and two workers, through the broker, every row."""
    scores: list[Any] = []

    def keep(stack: Stack, run: Run) -> None:
        wanted = [t for t in topics_of(finance) if t.name == topic(finance.name, SCORES)]
        scores.extend(read_whole(stack.address, wanted)[wanted[0].name])

    plan = Plan(
        (finance,),
        read_settings({"workers": 2}),
        {"finance": handbook},
        {"finance": ("--speed", "max")},
    )
    with make_view(headless=True) as view:
        report = Supervisor(plan, view, None, keep).run()
    account = report["domains"]["finance"]
    assert account["in"] == account["scored"] == 584_471
    assert account["unaccounted"] == account["labels"]["unaccounted"] == 0

    names = finance.features.vector.names
    packed = [dict(r.headers)["features"] for r in scores]
    ids = [orjson.loads(r.value)["event_id"] for r in scores]
    streamed = pd.DataFrame(
        np.frombuffer(b"".join(packed), "<f4").reshape(-1, len(names)),
        index=ids,
        columns=list(names),
    )
    expected = features(pd.read_parquet(handbook))
    assert {r.partition for r in scores} == set(range(finance.partitions))
    assert streamed.index.is_unique
    assert len(streamed) == len(expected) == 584_471
    streamed = streamed.reindex(expected.index)
    for name in names:
        # One unit in the last place of float32 is allowed: the two divide in another order.
        np.testing.assert_array_max_ulp(
            streamed[name].to_numpy(), expected[name].to_numpy(np.float32), maxulp=1
        )
