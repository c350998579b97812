"""Files of a registry: a version, or an alias, is there whole or not at all.

What is written has a name that begins with a dot, and gets its own name in one step. So a process
that is killed leaves a draft at most, which no reader sees and a later writer deletes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from streamsim.streams.errors import ModelError

DRAFT, GONE = ".new-", ".old-"
STALE_S = 3600.0
"""A draft that is older than this is nobody's any more."""


def checked(name: str) -> str:
    """Return a name if it is a single path component; the registry must stay inside its root.

    Raises
    ------
    ModelError
        If it is not.
    """
    if not name or len(name) > 100 or not all(c.isalnum() or c in "-_" for c in name):
        raise ModelError(f"not a model or version name: {name[:100]!r}")
    return name


def publish(folder: Path, version: str, files: Mapping[str, bytes]) -> bool:
    """Write a version's files, and give them its name in one step.

    Returns
    -------
    Whether its name was free; if not, nothing has changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=DRAFT) as temporary:
        draft = Path(temporary) / "version"
        draft.mkdir()
        for name, content in files.items():
            with (draft / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), 0o444)
                os.fsync(file.fileno())
        _sync(draft)
        try:
            draft.rename(folder / checked(version))
        except OSError:
            if (folder / version).is_dir():
                return False  # another process took the name
            raise
        _sync(folder)
    return True


def replace(path: Path, content: bytes) -> None:
    """Write a file in one step, in place of the one that is there."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=DRAFT)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(handle, 0o644)  # as the versions: their readers need it too
        os.fsync(handle)
    Path(name).replace(path)
    _sync(path.parent)


def remove(folder: Path, version: str) -> None:
    """Delete a version; its name goes first, in one step."""
    gone = folder / f"{GONE}{checked(version)}-{os.getpid()}-{time.monotonic_ns()}"
    with suppress(FileNotFoundError):
        (folder / version).rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete what killed processes have left; a draft of a living one is younger."""
    before = time.time() - STALE_S
    for path in folder.iterdir():
        if path.name.startswith((DRAFT, GONE)):
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _sync(folder: Path) -> None:
    """Let the names in a folder outlast a power cut; some file systems cannot say so."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
