"""Hit rates in order of time: on invented viewings of two kinds of users, and their intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamsim.benchmarks.studies import viewing_hits
from streamsim.benchmarks.studies.viewing_hits import in_time, streamed
from streamsim.streams.domains.technology.viewings import read_movielens


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Two tastes of forty titles each; a user watches titles of one taste alone."""
    random = np.random.default_rng(3)
    rows = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    for user in range(60):
        titles = random.permutation(40)[:30] + 1 + 40 * (user % 2)
        times = 880_000_000 + np.sort(random.integers(0, 5_000_000, len(titles)))
        rows += [f"{user + 1}\t{t}\t4\t{at}" for t, at in zip(titles, times, strict=True)]
    path = tmp_path / "small.inter"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_what_is_alike_is_found_and_popularity_is_not_enough(
    ratings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewing_hits, "BATCH", 100)
    monkeypatch.setattr(viewing_hits, "TUNED", 600)
    found = in_time(read_movielens(ratings))
    assert found["events"] == 1_800 - 600
    for row in (found["ours"], found["popular"]):
        assert row["low"] < row["rate"] < row["high"]
    # Ten of forty titles, or fewer, are left for a hit; by popularity ten of eighty.
    assert found["ours"]["low"] > found["popular"]["high"]


@pytest.mark.slow
def test_through_the_stream_the_second_half_is_asked_for(ratings: Path) -> None:
    found = streamed(ratings)
    assert 800 < found["events"] <= 900
    assert found["gain"]["rate"] == pytest.approx(found["ours"]["rate"] - found["popular"]["rate"])
    assert found["gain"]["low"] < found["gain"]["rate"] < found["gain"]["high"]
    assert found["ours"]["low"] > found["popular"]["high"]
