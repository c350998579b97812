"""Key of the pseudonyms: from the environment, or a random one per home."""

from __future__ import annotations

import os
import secrets

from streamsim.streams.errors import SettingError
from streamsim.streams.privacy.pseudonyms import SHORTEST_KEY
from streamsim.streams.settings import Settings

FILE = "privacy.key"
INVENTED = bytes(range(SHORTEST_KEY))
"""Key for worlds without a home: their persons are invented, and a seed must give the same bytes.
"""


def privacy_key(settings: Settings) -> bytes:
    """Return the key of the settings, or that of the home, which is made if it does not exist.

    With the key pseudonyms can be traced to persons, so only the owner may read its file.

    Raises
    ------
    SettingError
        If it is not a hexadecimal text of at least 32 bytes, or cannot be read.
    """
    if settings.privacy_key:
        return _parse(settings.privacy_key, "privacy_key")
    path = settings.home_path / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(str(path))
        return _parse(path.read_text(errors="replace"), str(path))
    except OSError as error:
        raise SettingError(f"{path}: {error.strerror or error}") from None


def _make(path: str) -> None:
    """Write a new key unless one exists; a concurrent process finds a complete file."""
    if os.path.exists(path):
        return
    own = f"{path}.{secrets.token_hex(6)}"
    with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_bytes(SHORTEST_KEY).hex())
    try:
        os.link(own, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(own)


def _parse(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) < SHORTEST_KEY:
        raise SettingError(f"{where}: a key has at least {SHORTEST_KEY} bytes, in hexadecimal")
    return key
