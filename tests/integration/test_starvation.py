"""A busy domain with a hundred times the rate does not delay a quiet one.

All bounds are relative: to the quiet domain alone on the same machine, or to the busy domain at the
same time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from streamsim.consumers.monitor.latency_histogram import Latencies
from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import end_offsets
from streamsim.streams.topics import TopicSpec
from tests.own_domain import write
from tests.stacks import Up, until

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(600),
]

QUIET = 40
"""Events per second of the quiet domain."""
BUSY = 100 * QUIET
SLOW_MODEL = {
    "from sklearn.ensemble import HistGradientBoostingClassifier": (
        "from sklearn.neighbors import KNeighborsClassifier"
    ),
    "HistGradientBoostingClassifier(max_iter=60, early_stopping=False, random_state=seed)": (
        'KNeighborsClassifier(30, algorithm="brute", p=3)'
    ),
    "    days=40,": "    days=6,",
    "ordinary_days=25": "ordinary_days=3",
}
"""About a millisecond of processor time per event: a quarter of the input can be scored."""


@pytest.fixture
def flood(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A domain ``flood`` with more events than can be scored, for these tests only."""
    folder = tmp_path_factory.mktemp("flood")
    shutil.copytree(registry.root, folder / "home" / "registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMSIM_HOME", str(folder / "home"))
        patch.setenv("STREAMSIM_DOMAINS", str(write(folder / "domains", "flood", SLOW_MODEL)))
        yield


@pytest.fixture(scope="module")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Payments of fifty cards in twenty days; twenty of the cards are stolen, one by one."""
    rows = [
        (f"2025-03-{day + 1:02}T12:{card:02}:00Z", f"c{card}", "t1", 2_000 + 100 * (day % 5))
        for day in range(20)
        for card in range(50)
    ]
    rows += [
        (f"2025-03-{11 + card % 9:02}T03:{card:02}:00Z", f"c{card}", "t9", 190_000)
        for card in range(20)
    ]
    file = tmp_path_factory.mktemp("payments") / "payments.csv"
    lines = (f"p{i},{','.join(map(str, row))}" for i, row in enumerate(sorted(rows)))
    file.write_text("event_id,event_time,card_id,terminal_id,amount_cents\n" + "\n".join(lines))
    return file


def test_a_backlog_of_one_domain_holds_up_no_other(
    flood: None, payments: Path, tmp_path: Path
) -> None:
    """The quiet domain finishes while thousands of earlier events of the busy one still wait.

    The test does not wait for those: they would take minutes.
    """
    quiet = ("--source", f"finance={payments}", "--rate", f"finance={QUIET}")
    with Up(tmp_path, *quiet) as up:
        assert up.ended(120) == 0
        alone, expected = up.report, alerts(up)
    busy = ("--domain", "flood", "--rate", f"flood={BUSY}")
    with Up(tmp_path, *quiet, *busy) as up:
        finance = until(lambda: told(up, "finance", scored=alone["scored"]), "the payments", 150)
        assert waiting(up) > BUSY, "no more than a second's events of the busy domain wait"
        until(lambda: alerts(up) == expected, "the same alerts as without the other")
    assert alone["scored"] == 1_020
    assert len(expected) >= 20
    own, other = latencies(finance), latencies(told(up, "flood", scored=1))
    assert own["p50"] < bound(alone)
    assert own["p99"] < other["p50"]


def test_a_hundred_times_the_rate_of_retail(registry: Registry, tmp_path: Path) -> None:
    """Retail's purchases wait for their context, finance's flood or not."""
    quiet = ("--rate", f"retail={QUIET}", "--duration", "25")
    with Up(tmp_path, *quiet, domain="retail") as up:
        assert up.ended(120) == 0
        alone = up.report
    busy = ("--domain", "finance", "--rate", f"finance={BUSY}")
    with Up(tmp_path, *quiet, *busy, domain="retail") as up:
        assert up.ended(180) == 0
        retail = up.report
        finance = json.loads(up.report_file.read_text())["domains"]["finance"]
    assert finance["in"] > 50 * retail["in"] > 50 * 300
    assert retail["unaccounted"] == retail["context"]["unaccounted"] == 0
    assert finance["unaccounted"] == 0
    assert finance["alerts"] > 20
    assert retail["latency_ms"]["p50"] < bound(alone)


def bound(alone: dict[str, Any]) -> float:
    """Return the limit of the median latency: ten times that of the domain alone."""
    return max(10 * float(alone["latency_ms"]["p50"]), 500.0)


def latencies(body: dict[str, Any]) -> dict[str, float]:
    """Return percentiles (ms) from a worker's metrics."""
    found = Latencies()
    found.merge(body["latency"])
    return {f"p{p}": found.percentile(p) for p in (50, 99)}


def told(up: Up, domain: str, scored: int) -> dict[str, Any]:
    """Return the worker's latest metrics of a domain, once it has scored ``scored`` events."""
    said = [b for b in map(orjson.loads, kept(up, f"{domain}.metrics")) if "worker" in b]
    if not said:
        return {}
    trigger = next(iter(said[-1]["account"].values()))
    done = sum(classes.get("scored", 0) for classes in trigger.values())
    return said[-1] if done >= scored else {}


def waiting(up: Up) -> int:
    """Count the readings of the busy domain that have been sent and are not finished."""
    topic = TopicSpec("flood.readings", 4, "meter_id", "")
    ends = end_offsets(up.run["address"], [topic])
    done = told(up, "flood", scored=1)["position"]["readings"]
    return sum(ends.values()) - sum(done.values())


def alerts(up: Up) -> set[str]:
    """Return the payments with alerts."""
    bodies = map(orjson.loads, kept(up, "finance.alerts"))
    return {body["event_id"] for body in bodies if "event_id" in body}


def kept(up: Up, topic: str) -> list[bytes]:
    """Return the values of a topic in the run's file, whole lines only."""
    file = Path(up.run.get("path", "")) / f"{topic}.jsonl"
    return file.read_bytes().split(b"\n")[:-1] if file.is_file() else []
