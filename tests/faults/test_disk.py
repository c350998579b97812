"""A disk that fills up under a running stack."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from streamsim.models.registry import Registry
from tests.stacks import Up

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ROOM_MB = 16


@pytest.fixture
def small_home(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A home folder on a small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM_MB}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        shutil.copytree(registry.root, folder / "registry")
        monkeypatch.setenv("STREAMSIM_HOME", str(folder))
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as filler:
        for size in (1 << 20, 1 << 10, 1):
            with suppress(OSError):
                while filler.write(b"x" * size) == size:
                    pass


def test_a_full_disk_loses_files_of_the_run_and_no_event(small_home: Path, tmp_path: Path) -> None:
    with Up(tmp_path, "--days", "5", "--rate", "800") as up:
        up.flowing()
        fill(small_home / "filler")
        up.says("is no longer written to disk")
        assert up.ended(120) == 0
        report = up.report
        assert report["unaccounted"] == report["labels"]["unaccounted"] == 0
        assert report["in"] == report["scored"] > 10_000
        assert "Traceback" not in up.text
