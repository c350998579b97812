"""A registry's files: whole or not there, when a writer is killed at any point or has company."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamsim.models.registry import Registry
from streamsim.models.releasing import version_files
from streamsim.streams.errors import ModelError
from tests.conftest import ROOT

WRITER = """
import os, signal, sys
from pathlib import Path
import numpy as np
from sklearn.linear_model import LogisticRegression
from streamsim.models.registry import Registry
from streamsim.streams.signature import Signature

ROOT = Path(sys.argv[2])
ABOUT = {"metrics": {}, "data": {}, "card": "of {version}", "created": "now"}
FITTED = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
SIGNATURE = Signature("m", "0", ("a",), "hash", 0.5, (0.0,))

def release(root=ROOT):
    return Registry(root).add(FITTED, SIGNATURE, **ABOUT).version
"""
KILLED = """
import json
release()
Registry(ROOT).promote("m", "1")
release(ROOT.parent / "other")
release(ROOT.parent / "other")
deaths = 0

def publish():
    registry = Registry(ROOT)
    if sys.argv[3] == "adopt":
        registry.adopt(ROOT.parent / "other" / "m" / "2")
    elif sys.argv[3] == "drop":
        registry.drop("m", "2")
    else:
        release()
    if sys.argv[3] != "drop":
        registry.promote("m", "2")

if sys.argv[3] == "drop":
    release()
for point in range(1, 200):
    child = os.fork()
    if child == 0:  # dies at its n-th touch of the registry's files
        left = point
        def touch(event, arguments):
            global left
            if any(isinstance(own, (str, Path)) and str(ROOT) in str(own) for own in arguments):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(touch)
        publish()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    registry = Registry(ROOT)
    whole = [registry.load("m", version)[1].version for version in registry.versions("m")]
    cards = [registry.card("m", version) for version in whole]
    print(json.dumps([status, whole, cards, registry.champion("m")]), flush=True)
    if status == 0:
        break
    registry.promote("m", "1")
    registry.drop("m", "2")
    if sys.argv[3] == "drop":
        release()
"""
MANY = """
made = [release() for _ in range(8)]
for version in made:
    Registry(ROOT).promote("m", version)
print(" ".join(made))
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER + program, "-", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("what", ["release", "adopt", "drop"])
def test_a_writer_that_is_killed_leaves_what_was_there_whole(tmp_path: Path, what: str) -> None:
    said, _ = start(KILLED, str(tmp_path / "here"), what).communicate(timeout=120)
    seen = [json.loads(line) for line in said.splitlines()]
    assert [status for status, *_ in seen] == [9] * (len(seen) - 1) + [0]
    assert len(seen) > (4 if what == "drop" else 15)  # so many points it was killed at
    for _, versions, cards, champion in seen:
        assert versions in (["1"], ["1", "2"])
        assert cards == [f"of {version}" for version in versions]
        assert champion in versions
    *killed, (_, versions, _, champion) = seen
    assert {len(found) for _, found, *_ in killed} == {1, 2}  # before, and after, it was visible
    assert (versions, champion) == ((["1"], "1") if what == "drop" else (["1", "2"], "2"))


def test_two_processes_that_release_at_once_take_turns(tmp_path: Path) -> None:
    writers = [start(MANY, str(tmp_path)) for _ in range(2)]
    made = [writer.communicate(timeout=120)[0].split() for writer in writers]
    assert sorted(map(int, made[0] + made[1])) == list(range(1, 17))
    registry = Registry(tmp_path)
    assert [registry.load("m", v)[1].version for v in registry.versions("m")] == [
        str(number) for number in range(1, 17)
    ]
    assert registry.champion("m") in (made[0][-1], made[1][-1])
    assert sorted(path.name for path in (tmp_path / "m").iterdir() if path.is_file()) == [
        "champion"
    ]


def test_what_the_killed_have_left_is_deleted_once_it_is_nobodys(tmp_path: Path) -> None:
    for name in (".new-young", ".new-stale", ".old-stale"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.skops").write_bytes(b"half")
    (tmp_path / ".new-file").write_bytes(b"half")
    old = time.time() - 2 * version_files.STALE_S
    for name in (".new-stale", ".old-stale", ".new-file"):
        os.utime(tmp_path / name, (old, old))
    assert version_files.publish(tmp_path, "1", {"a": b"1"})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".new-young", "1"]


def test_a_name_that_is_taken_keeps_its_files(tmp_path: Path) -> None:
    assert version_files.publish(tmp_path, "1", {"a": b"first"})
    assert not version_files.publish(tmp_path, "1", {"a": b"second"})
    assert (tmp_path / "1" / "a").read_bytes() == b"first"
    with pytest.raises(ModelError, match="not a model or version name"):
        version_files.publish(tmp_path, "../2", {"a": b""})
