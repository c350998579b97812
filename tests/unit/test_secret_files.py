"""Secrets that processes share by a file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streamsim.streams.errors import UsageError
from streamsim.streams.stored.secret_files import shared_secret


def test_all_that_ask_at_once_get_the_same_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "run" / "token"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(shared_secret, [file] * 64))
    assert len(found) == 1
    assert len(found.pop()) >= 32
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in file.parent.iterdir()] == ["token"]


def test_a_secret_that_is_there_is_taken(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("given\n")
    assert shared_secret(tmp_path / "token") == "given"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(UsageError, match="run"):
        shared_secret(tmp_path / "run" / "token")
