"""Files of a run on a full disk: a write that fails is told once, and nothing else is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.simulator.run.kept_run import Keeper, keep
from streamsim.simulator.run.runs import Run

FULL = Path("/dev/full")
"""Every write to it fails as on a full disk."""


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_topic_whose_file_has_no_room_is_told_once_and_the_others_go_on(tmp_path: Path) -> None:
    run, said = Run(tmp_path, {}), list[str]()
    run.kept("a.alerts").symlink_to(FULL)
    with Keeper(run, ["a.alerts", "a.metrics"], said.append) as keeper:
        for value in (b"1", b"2"):
            keeper.line("a.alerts", value)
            keeper.line("a.metrics", value)
    assert said == ["a.alerts is no longer written to disk: No space left on device"]
    assert run.kept("a.metrics").read_bytes() == b"1\n2\n"
    keep(FULL, b"a report", said.append)
    assert said[1:] == ["/dev/full could not be written: No space left on device"]


def test_the_latest_values_are_kept_in_two_files(tmp_path: Path) -> None:
    run, said = Run(tmp_path, {}), list[str]()
    with Keeper(run, ["a.alerts"], said.append, most=4) as keeper:
        for number in range(7):
            keeper.line("a.alerts", b"%d" % number)
    assert run.kept_before("a.alerts").read_bytes() == b"4\n5\n"
    assert run.kept("a.alerts").read_bytes() == b"6\n"
    assert said == ["a.alerts: only the latest records are kept on disk"] * 2
