"""Users over processes: as the serial answer, in order, bounded, and whole when a process dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from streamsim.consumers.scale.processes import Shares, WorkError, process_users
from streamsim.streams.errors import UsageError


def squares(users: Sequence[int]) -> list[int]:
    return [user * user for user in users]


def dying(victim: int, marks: Path, deaths: int, users: Sequence[int]) -> list[int]:
    """Square, but let the process be killed so often when it comes to a user."""
    if victim in users:
        died = len(list(marks.iterdir()))
        if died < deaths:
            (marks / f"{died}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return squares(users)


def failing(users: Sequence[int]) -> list[int]:
    return [1 // (user - 25) for user in users]


def forgetting(users: Sequence[int]) -> list[int]:
    return squares(users)[1:]


def unpicklable(users: Sequence[int]) -> list[Any]:
    return [partial(lambda user: user, user) for user in users]


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(("users", "processes", "chunk"), [(0, 2, 5), (1, 3, 5), (1003, 3, 10)])
def test_the_answers_are_the_serial_ones_in_order(users: int, processes: int, chunk: int) -> None:
    shares = Shares()
    found = process_users(range(users), squares, processes=processes, chunk=chunk, shares=shares)
    assert list(found) == squares(range(users))
    assert sum(share.users for share in shares.processes) == users
    assert len(shares.processes) == processes


def test_no_more_is_read_than_is_on_its_way() -> None:
    read = 0

    def users() -> Iterator[int]:
        nonlocal read
        for user in range(2_000):
            read = user
            yield user

    most = 0
    for taken, answer in enumerate(process_users(users(), squares, processes=2, chunk=10)):
        assert answer == taken * taken
        most = max(most, read - taken)
    assert most <= 2 * 4 * 10 + 10


def test_a_process_that_dies_is_replaced_and_its_users_are_done_again(tmp_path: Path) -> None:
    shares = Shares()
    work = partial(dying, 137, tmp_path, 1)
    found = process_users(range(300), work, processes=2, chunk=10, shares=shares)
    assert list(found) == squares(range(300))
    assert sum(share.deaths for share in shares.processes) == 1
    assert sum(share.users for share in shares.processes) == 300


def test_users_that_kill_twice_are_named(tmp_path: Path) -> None:
    work = partial(dying, 137, tmp_path, 99)
    with pytest.raises(WorkError, match="10 users from 130 on: its process died with -9, twice"):
        list(process_users(range(300), work, processes=2, chunk=10))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (failing, "10 users from 20 on: ZeroDivisionError"),
        (forgetting, "10 users from 0 on: 9 answers"),
        (unpicklable, "pickle"),
    ],
)
def test_work_that_fails_says_whose_it_was(work: Any, said: str) -> None:
    with pytest.raises(WorkError, match=said):
        list(process_users(range(100), work, processes=1, chunk=10))


def test_whoever_takes_only_the_first_leaves_nobody_behind() -> None:
    answers = process_users(range(10_000), squares, processes=2, chunk=10)
    assert next(answers) == 0
    answers.close()  # type: ignore[attr-defined]


def test_no_processes_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one process"):
        next(process_users([1], squares, processes=0))


def test_work_that_no_process_can_import_is_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="cannot import <lambda>: define it at the top of a mod"):
        list(process_users([1], lambda users: users))


def script(tmp_path: Path, text: str, *, from_stdin: bool = False) -> str:
    """Run a program and return the last line of its errors."""
    path = tmp_path / "own.py"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, *([] if from_stdin else [str(path)])],
        input=text if from_stdin else None, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""


CALL = """
from streamsim import process_users
def work(users):
    return users
print(list(process_users(range(4), work, processes=1)))
"""


def test_a_script_without_a_guard_is_told_to_have_one(tmp_path: Path) -> None:
    assert 'put it under  if __name__ == "__main__":' in script(tmp_path, CALL)


def test_a_function_of_a_shell_is_refused(tmp_path: Path) -> None:
    said = script(tmp_path, CALL, from_stdin=True)
    assert "cannot import work: it is defined in a notebook or a shell" in said
