"""Retail as a whole stack: the stand-in of its loyalty programme is killed and filled again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from streamsim.models.registry import Registry
from streamsim.producers.recording import read_recording
from streamsim.simulator.domain_stream import world_slices
from streamsim.streams.spec import DomainSpec
from tests.stacks import Up

pytestmark = [pytest.mark.stack, pytest.mark.slow]

DAYS = 40


def said(body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an answer without its arrival time."""
    return {name: value for name, value in body.items() if name not in ("event_time", "late_for")}


def test_a_killed_stand_in_gets_its_facts_again(
    retail: DomainSpec, registry: Registry, tmp_path: Path
) -> None:
    """It restarts without facts: without them, no household would be a member."""
    file = tmp_path / "run.parquet"
    arguments = ("--days", str(DAYS), "--speed", "100000", "--record", str(file))
    with Up(tmp_path, *arguments, domain="retail") as up:
        up.says("retail: ")
        up.part("stand-in").kill()
        up.says("retail-loyalty ended with exit code -9")
        up.says("producer-retail ended with exit code -9")
        assert up.ended(240) == 0
    account = up.report
    assert account["unaccounted"] == account["context"]["unaccounted"] == 0
    expected = {
        body["event_id"]: body
        for piece in world_slices(retail, 0, retail.world.options, DAYS)
        for emission in piece.emissions
        if emission.source == "loyalty"
        for body in map(orjson.loads, emission.values)
    }
    records = read_recording(file).of("retail.loyalty")
    answered = [orjson.loads(r.value) for r in records if r.value]
    same = [body for body in answered if body["event_id"] in expected]
    assert len(same) > 500
    wrong = [
        body
        for body in same
        # A late answer has another event time and names its lines: both fields are left out.
        if said(body) != said(expected[body["event_id"]])
    ]
    assert not wrong
    assert sum(body["member"] for body in same) > 100


def test_two_runs_on_one_database_are_alike_and_leave_nothing(
    retail: DomainSpec, registry: Registry, tmp_path: Path, postgresql: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The second run once met the rows of the first: eight of its changes were dead."""
    monkeypatch.setenv("STREAMSIM_DATABASE_URL", postgresql)
    accounts = []
    for _ in range(2):
        with Up(tmp_path, "--days", "20", "--speed", "max", domain="retail") as up:
            assert up.ended(240) == 0, up.text
        account = up.report
        assert account["unaccounted"] == account["context"]["unaccounted"] == 0
        assert account["context"]["dead"] == 0
        accounts.append((account["in"], account["context"]["in"], account["scored"]))
        engine = sa.create_engine(postgresql)
        assert not {"customers", "streamsim_customers"} & set(sa.inspect(engine).get_table_names())
        engine.dispose()
    assert accounts[0] == accounts[1]
