"""Every command of docs/questions.md runs, and prints what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streamsim.models.registry import Registry
from tests.brokers import BROKERS
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "questions.md").read_text()
PARTS = re.split(r"^## \d\. ", PAGE, flags=re.MULTILINE)[1:]
BLOCKS = [re.findall(r"```sh\n(.*?)```", part, re.DOTALL) for part in PARTS]
SHOWN = {
    "feeds=(vendor, None)": (
        "'matched': 1", "'unreadable': {'paid_cents': 1}", "2017-03-12 07:30:00+00:00",
    ),
    "for second in": ("datetime64", "Timestamp('2017-03-12 14:15:00+0000'", "03/12/2017 09:15"),
    "note_has|note_not": ("creatinine_impossible", "note_not:chest_pain"),
    "FAMILY HISTORY": ("note_family:heart_failure", "note_has:heart_failure"),
    "max_terms=terms": ("hashed False at most 1000", "0 of them say something"),
    "cat > relevance.py": ("stays    1.00 kept", "badge    0.00 dropped", "kept: 0"),
    "together": ("noise_0  0.0", "stays    1.00 kept", "kept: 0"),
    "twins": ("stays    1.00 kept", "stays_too 0."),
    "odd.csv": ("in = 2 scored + 0 late + 1 duplicate + 3 dead", "[closed]"),
    "--hold": ("finance: ", "[closed]"),
    "finance=4000": ("retail: ", "finance: ", "[closed]"),
    "logistics.change_day": ("logistics: ", "[closed]"),
    "--rate 3000": ("finance: ", "latency p50", "[closed]"),
    "up --domain finance --headless": ("finance: ", "latency p50", "alerts ", "[closed]"),
    "cat > cost.py": ("cost 0.1: alert from 0.", "cost 10: alert from 0."),
    "cat > notice.py": ("without labels: amount: median bin", "with labels: no alarm"),
    "notice.py meaning": ("without labels: as in training", "labels after the change"),
    "notice.py quiet": ("without labels: as in training", "with labels: no alarm"),
    "cat > decide.py": ("day 22: learn from day 14 to 15", "learnt 3 times"),
    "decide.py often": ("learnt 15 times",),
    "decide.py fault": ("day 50: learn from day 40", "learnt 1 times"),
    "up --domain retail": ("retail: ", "context ", "[closed]"),
}  # fmt: skip
"""A part of a command, and a part of its output; the first entry that fits counts."""


def commands(stack: bool) -> list[str]:
    """Return the blocks of commands that need a stack, or those that do not."""
    own = [block for part in BLOCKS for block in part if "--data" not in block]
    return [block for block in own if ("streamsim up" in block) == stack]


def shell(block: str, folder: Path, timeout: float = 110) -> str:
    """Run a block of the page; return its output."""
    done = subprocess.run(
        ["bash", "-ec", block],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{block}\n{done.stderr}\n{done.stdout}"
    return done.stdout


def check(block: str, shown: str) -> None:
    expected = next(words for part, words in SHOWN.items() if part in block)
    for words in expected:
        assert words in shown, f"{block}\n{words!r} is not in\n{shown}"


def test_each_question_has_one_command_and_two_what_ifs() -> None:
    assert len(PARTS) == 8
    assert all(len(blocks) >= 3 for blocks in BLOCKS)
    assert all(part.count("What if ") >= 2 for part in PARTS)
    assert all("**Measured.**" in part and "**Trade-offs.**" in part for part in PARTS)


@pytest.mark.long
def test_what_needs_no_stack(tmp_path: Path) -> None:
    """They share a folder, as later commands need the files of earlier ones."""
    for block in commands(stack=False):
        check(block, shell(block, tmp_path))


@pytest.mark.stack
@pytest.mark.slow
@pytest.mark.parametrize("block", commands(stack=True))
def test_what_runs_a_stack(block: str, tmp_path: Path, registry: Registry) -> None:
    home = tmp_path / "home"
    shutil.copytree(registry.root, home / "registry")
    with pytest.MonkeyPatch.context() as patch, BROKERS.for_stack() as broker:
        patch.setenv("STREAMSIM_HOME", str(home))
        check(block, shell(block.replace(" up ", f" up --broker {broker} "), tmp_path))


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_what_needs_real_data(hospital: Path, tmp_path: Path) -> None:
    (block,) = [block for part in BLOCKS for block in part if "--data" in block]
    shown = shell(block.replace("../shared/data/healthcare", str(hospital)), tmp_path, 1700)
    assert "discharge_disposition_id" in shown
    assert re.search(r"^age .*dropped", shown, re.MULTILINE)
