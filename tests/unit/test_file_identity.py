"""A file is known again by its beginning: renamed, moved or grown, but not by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.simulator.file_identity import HEAD, identity, is_same


@pytest.mark.parametrize("size", [10, HEAD, 2 * HEAD])
def test_a_file_that_has_grown_or_moved_is_the_same(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * size)
    known = identity(path)
    moved = path.rename(tmp_path / "b.csv")
    with moved.open("ab") as opened:
        opened.write(b"more")
    assert is_same(known, moved)
    moved.write_bytes(b"y" + b"x" * size)
    assert not is_same(known, moved)


def test_a_folder_is_the_same_while_its_files_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    (folder / "more").mkdir(parents=True)
    for name in ("a", "more/b", "_SUCCESS"):
        (folder / name).write_text(name)
    known = identity(folder)
    assert len(known) == 2
    (folder / "c").write_text("new")
    assert is_same(known, folder)
    (folder / "a").unlink()
    assert not is_same(known, folder)
    assert not is_same([], folder)
