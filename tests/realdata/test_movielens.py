"""Recommendations on real viewings: as good as what is published, better than the most popular."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from streamsim.benchmarks.movielens import split
from streamsim.benchmarks.public_data.datasets import MOVIELENS
from streamsim.streams.domains.technology.viewings import read_movielens
from tests.realdata.downloads import downloaded
from tests.stacks import streamsim

pytestmark = [pytest.mark.slow, pytest.mark.nightly]


def test_the_mean_over_splits_reaches_what_is_published(tmp_path: Path) -> None:
    data = downloaded(MOVIELENS) / "ml-100k.inter"
    report = tmp_path / "report.json"
    done = streamsim(
        "bench", "movielens", "--data", str(data), "--report", str(report), timeout=900
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text())
    ours, popular = found["comparison"]["ndcg"], found["comparison"]["popular"]
    assert len(ours["each"]) >= 5
    assert ours["mean"] >= 0.475
    assert popular["mean"] == pytest.approx(0.25, abs=0.01)
    live = found["in_time"]
    assert live["events"] == 80_000
    assert live["ours"]["low"] > 2 * live["popular"]["high"]
    plain, *_, most = found["diversity"]
    assert most["genres"] > plain["genres"]
    assert most["ndcg"] > 0.4


def test_the_split_is_that_of_the_published_notebook() -> None:
    """It prints how many users and titles its training data have."""
    seen = read_movielens(downloaded(MOVIELENS) / "ml-100k.inter")
    train, test = split(len(seen.user), 42)
    assert (len(train), len(test)) == (75_000, 25_000)
    assert (len(np.unique(seen.user[train])), len(np.unique(seen.item[train]))) == (943, 1_642)
