"""Run a program that downloads files, and compute their checksums."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path


def run_fetcher(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str] | None:
    """Run a program that downloads; return ``None`` if it does not end in time."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, or an empty string if the file cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
