"""The script that recommends to many users: answers in order, equal, and whole after a death."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from streamsim.consumers.scale.processes import Shares, process_users
from streamsim.consumers.scale.recommend_users import Job, Recommend, measure
from streamsim.streams.errors import ExpectationError

ROOT = Path(__file__).parents[2]
SMALL = Job(users=3_500, items=60, k=3, seed=5)


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streamsim.consumers.scale", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_process_that_is_killed_costs_no_answer_and_changes_none() -> None:
    done = script("--users", "20000", "--items", "60", "--k", "3", "--check", "--kill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"process \d+ was killed", done.stdout)
    assert done.stdout.count("replaced 1 x") == 1
    shares = re.findall(r"process \d: ([\d,]+) users, \d+ %.* at most \d+ MiB", done.stdout)
    assert sum(int(share.replace(",", "")) for share in shares) == 20_000
    assert len(shares) == 2
    assert "all answers are the serial ones" in done.stdout
    assert re.search(r"\d\.\d\d times as fast", done.stdout)


def test_the_users_may_be_those_of_a_file(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    lines = [f"{u}\t{i}\t3\t{t}" for t, (u, i) in enumerate(random.integers(1, 30, (400, 2)))]
    (tmp_path / "u.data").write_text("\n".join(dict.fromkeys(lines)) + "\n")
    said: list[str] = []
    job = Job(users=2_100, k=2, movielens=tmp_path / "u.data")
    found = measure(job, 2, check=True, say=said.append)
    assert found["answers"] is not None
    assert found["users"] == 2_100


def test_answers_that_are_not_the_serial_ones_are_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def backwards(users: range, work: Recommend, **options: object) -> list[object]:
        return [answer for user in reversed(users) for answer in work([user])]

    monkeypatch.setattr("streamsim.consumers.scale.recommend_users.process_users", backwards)
    with pytest.raises(ExpectationError, match="not the serial ones"):
        measure(Job(users=30, items=60, k=3), 2, check=True, say=lambda text: None)
    monkeypatch.setattr(
        "streamsim.consumers.scale.recommend_users.process_users", lambda *a, **b: iter(())
    )
    with pytest.raises(ExpectationError, match="0 answers for 30 users"):
        measure(Job(users=30, items=60, k=3), 2, say=lambda text: None)


def test_the_processes_say_what_they_took(tmp_path: Path) -> None:
    work = SMALL.prepare(tmp_path)
    shares = Shares()
    answers = list(process_users(range(3_500), work, processes=2, chunk=1_000, shares=shares))
    assert len(answers) == 3_500
    assert all(share.cpu_s > 0 and share.peak_mb > 10 for share in shares.processes if share.users)
    assert answers[3_499] == work([3_499])[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--users", "0"], "at least one user"),
        (["--items", "1000000"], "up to 20,000 titles"),
        (["--rounds", "0"], "at least one round"),
        (["--movielens", "/nowhere/u.data"], "holds no ratings"),
    ],
)
def test_wrong_words_are_one_line(arguments: list[str], said: str) -> None:
    done = script(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
