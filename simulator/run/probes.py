"""HTTP probes of the stack's own services."""

from __future__ import annotations

import json
import urllib.error
import urllib.request


def listens(url: str) -> bool:
    """Return whether an HTTP server answers at a URL, with any status."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own URL
            return True
    except urllib.error.HTTPError:
        return True  # for example 401: it asks for an API key
    except (urllib.error.URLError, OSError):
        return False


def answers(url: str) -> bool:
    """Return whether the model at a URL is ready."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own URL
            return bool(json.load(response).get("ready"))
    except (urllib.error.URLError, OSError, ValueError):
        return False
