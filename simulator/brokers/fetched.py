"""What is fetched from elsewhere by a program, and held to its checksum."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path


def run_fetcher(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str] | None:
    """Run a program that fetches something; ``None`` if it does not end in time."""
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
    """Return a file's checksum, empty for one that cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
