"""Is anybody there? Asked over HTTP, of services of our own."""

from __future__ import annotations

import json
import urllib.error
import urllib.request


def listens(url: str) -> bool:
    """Say whether anybody answers there, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own URL
            return True
    except urllib.error.HTTPError:
        return True  # it wants a key
    except (urllib.error.URLError, OSError):
        return False


def answers(url: str) -> bool:
    """Say whether a model answers there, and is ready."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own URL
            return bool(json.load(response).get("ready"))
    except (urllib.error.URLError, OSError, ValueError):
        return False
