"""A run that was cut short is found with its plan; another one is refused in a line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from streamsim.models.registry import Registry
from streamsim.producers.resume import (
    Progress,
    SentRecords,
    read_progress,
    unordered_sources,
)
from streamsim.simulator.run.resuming import champions_again, plan_again
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import Run, hold, new_run, own_run
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.finance import SPEC as FINANCE
from streamsim.streams.errors import UsageError
from streamsim.streams.events import INGEST_TIME
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DomainSpec
from tests.property.chained import signature

MODEL = FINANCE.model.recipe.name


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "payments.csv"
    file.write_text("")
    return file


@pytest.fixture
def plan(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("STREAMSIM_HOME", str(tmp_path))
    return Plan(
        domains=(load_domain("finance"), load_domain("retail")),
        settings=read_settings({"workers": 3, "seed": 5}),
        sources={"finance": source},
        paces={"retail": ("--rate", "7")},
        days=4.0,
        hold=True,
    )


def cut_short(plan: Plan, source: Path) -> Run:
    """Leave a run as a supervisor does that is killed."""
    names = [spec.name for spec in plan.domains]
    run = new_run(
        plan.settings, domains=names, configuration=plan.as_dict(), files={"finance": str(source)}
    )
    run.data.mkdir()
    return run.write(started=1, pid=0)


def test_the_plan_is_the_one_of_before(plan: Plan, source: Path) -> None:
    run = cut_short(plan, source)
    found, again = plan_again(run.name)
    assert (found.path, again) == (run.path, plan)


def test_what_cannot_go_on_is_refused(plan: Plan, source: Path) -> None:
    run = cut_short(plan, source)
    with pytest.raises(UsageError, match="no run 'another'"):
        plan_again("another")
    run.take_over()
    with pytest.raises(UsageError, match=f"{run.name} is still running"):
        plan_again(run.name)
    run.write(pid=0)
    source.unlink()
    with pytest.raises(UsageError, match=f"the source of finance is gone: {source}"):
        plan_again(run.name)


def test_a_run_with_a_report_or_without_records_was_not_cut_short(plan: Plan, source: Path) -> None:
    ended, empty, other = (cut_short(plan, source) for _ in range(3))
    (ended.path / "report.json").write_text("{}")
    empty.data.rmdir()
    for run in (ended, empty):
        with pytest.raises(UsageError) as refused:
            plan_again(run.name)
        assert str(refused.value).endswith(f"was not cut short; those that were: {other.name}")


def test_the_last_send_is_known() -> None:
    def record(ms: int) -> SimpleNamespace:
        headers = [(INGEST_TIME, b"%d" % ms)]
        return SimpleNamespace(topic="t", partition=0, value=b"1", timestamp=4, headers=headers)

    sent = SentRecords([record(900), record(3_000), record(2_000)], since_ms=1_000)
    assert (len(sent), sent.last_ms) == (2, 3_000)
    assert SentRecords([], since_ms=1_000).last_ms == 1_000


def test_two_supervisors_do_not_take_over_the_same_run(plan: Plan, source: Path) -> None:
    run = cut_short(plan, source)
    with hold(run), pytest.raises(UsageError, match=f"{run.name} is still running"), hold(run):
        pass
    with hold(run) as taken:
        assert taken.alive


def test_events_are_skipped_by_number_then_by_their_bytes() -> None:
    def record(value: bytes) -> SimpleNamespace:
        headers = [(INGEST_TIME, b"5")]
        return SimpleNamespace(topic="d.s", partition=0, value=value, timestamp=4, headers=headers)

    sent = SentRecords([record(b"c"), record(b"d")], since_ms=1, progress=Progress({"s": 2}))
    events = [b"a", b"b", b"c", b"d", b"c", b"e"]
    found = [sent.take("s", "d.s", 0, value) for value in events]
    assert found == [True, True, True, True, False, False]
    assert sent.latest_ms == 4


def test_progress_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "producer.progress"
    assert read_progress(file) == read_progress(None) == Progress()
    progress = Progress({"payments": 7}, {("finance.payments", 2): 9})
    progress.save(file)
    assert read_progress(file) == progress


def test_what_is_asked_for_has_no_order() -> None:
    assert unordered_sources(load_domain("finance").inputs) == set()
    assert unordered_sources(load_domain("retail").inputs) == {"customers", "loyalty"}


def released(root: Path, number: int, spec: DomainSpec = FINANCE) -> Registry:
    """Return a registry with versions of a model, of which the last is the champion."""
    registry, own = Registry(root), replace(signature(spec), model=MODEL)
    estimator = LogisticRegression().fit(
        np.eye(len(own.features)), np.arange(len(own.features)) % 2
    )
    for _ in range(number):
        made = registry.add(estimator, own, metrics={}, data={}, card="", created="now")
        registry.promote(MODEL, made.version)
    return registry


def test_a_run_goes_on_with_the_version_that_it_began_with(plan: Plan, source: Path) -> None:
    registry, said = released(plan.settings.home_path / "registry", 2), list[str]()
    for began, told in (("2", 0), ("1", 1)):
        run = cut_short(plan, source).write(champions={MODEL: began})
        (champion,) = champions_again(run, [FINANCE], registry, said.append)
        assert (champion.version, len(said)) == (began, told)
    assert "goes on with 1, as it began" in said[0]
    assert said[0].endswith(f"streamsim models promote {MODEL} 2")
    assert registry.champion(MODEL) == "2"
    (champion,) = champions_again(cut_short(plan, source), [FINANCE], registry, said.append)
    assert champion.version == "2"  # of a run that has not kept it


def test_a_run_whose_model_is_gone_or_does_not_fit_cannot_go_on(plan: Plan, source: Path) -> None:
    registry = released(plan.settings.home_path / "registry", 1, load_domain("retail"))
    run = cut_short(plan, source).write(champions={MODEL: "7"})
    with pytest.raises(UsageError, match=f"{run.name} cannot go on without {MODEL} 7"):
        champions_again(run, [FINANCE], registry, print)
    with pytest.raises(UsageError, match="was trained on other features"):
        champions_again(run.write(champions={MODEL: "1"}), [FINANCE], registry, print)


def test_the_run_of_this_process_is_found_beside_others(plan: Plan, source: Path) -> None:
    with pytest.raises(UsageError, match="this process runs no stack"):
        own_run(plan.settings)
    own = new_run(plan.settings, domains=["finance"])
    cut_short(plan, source)
    assert own_run(plan.settings).path == own.path
