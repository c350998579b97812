"""A secret that several processes share by a file, for its owner alone."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from streamsim.streams.errors import UsageError


def shared_secret(file: Path) -> str:
    """Return the secret in a file; the first process that asks makes it.

    Raises
    ------
    UsageError
        If the file can be neither read nor made.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(24))
        with suppress(FileExistsError):
            file.hardlink_to(draft)  # whole at once, also for a process that reads it now
        draft.unlink()
        return file.read_text().strip()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from None
