"""A model's trial runs in another folder, and still finds the user's domains."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import streamsim.streams.domains
from streamsim.models.checking.trial import try_model


def test_folders_of_domains_are_passed_as_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The types that a domain trusts are known to the trial only if it finds the domain."""
    seen: list[dict[str, str]] = []

    def run(command: list[str], env: dict[str, str], **_: Any) -> Any:
        seen.append(env)
        return subprocess.CompletedProcess(command, 0, "", "")

    class Released:
        root = tmp_path

        def release(self, model: str, version: str) -> Any:
            return type("Release", (), {"sha256": "a"})

        def is_tried(self, sha256: str) -> bool:
            return False

        def is_whole(self, model: str, version: str) -> bool:
            return True

        def mark_tried(self, sha256: str) -> None:
            pass

    path = list(streamsim.streams.domains.__path__)
    monkeypatch.setattr(streamsim.streams.domains, "__path__", path)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STREAMSIM_DOMAINS", "mine")
    released: Any = Released()
    try_model(released, "m", "1")
    assert str(tmp_path / "mine") in seen[0]["STREAMSIM_DOMAINS"].split(os.pathsep)
