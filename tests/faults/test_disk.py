"""A disk that fills up under a running stack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from streamsim.models.registry import Registry
from streamsim.simulator.run.room.disk import RESERVE_MB
from tests.stacks import Up, streamsim

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ROOM_MB = 256


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


def fill(file: Path, left_mb: int) -> None:
    """Write until only so much is left on the disk."""
    with file.open("wb", buffering=0) as filler:
        for size in (1 << 20, 1 << 10, 1):
            with suppress(OSError):
                while shutil.disk_usage(file.parent).free - size >= left_mb << 20:
                    if filler.write(b"x" * size) < size:
                        break


def closed(report: dict[str, Any]) -> int:
    """Check that a report's account is closed, and return how many events came in."""
    assert report["unaccounted"] == report["labels"]["unaccounted"] == 0
    assert report["in"] == report["scored"] > 0
    return int(report["in"])


def test_a_run_ends_by_itself_before_the_disk_is_full(small_home: Path, tmp_path: Path) -> None:
    with Up(tmp_path, "--days", "60", "--rate", "800") as up:
        up.flowing()
        fill(small_home / "filler", RESERVE_MB - 10)
        up.says("are left on the disk of")
        assert up.ended(120) == 0
        assert "the sources are stopped" in up.text
        closed(up.report)


def test_a_run_on_a_full_disk_goes_on_when_there_is_room(small_home: Path, tmp_path: Path) -> None:
    with Up(tmp_path, "--days", "5", "--rate", "2000") as up:
        up.flowing()
        name = up.run["name"]
        fill(small_home / "filler", 0)
        assert up.ended(120) == 3
        assert "Traceback" not in up.text
        assert "streamsim: no room on the disk of" in up.text
        assert f"to go on with it: streamsim up --resume {name}" in up.text
        (small_home / "filler").unlink()
        report = tmp_path / "resumed.json"
        resumed = streamsim("up", "--headless", "--resume", name, "--report", str(report))
        assert resumed.returncode == 0, resumed.stderr
        assert closed(json.loads(report.read_text())["domains"]["finance"]) > 10_000
