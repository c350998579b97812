"""Settings that follow the profile."""

from __future__ import annotations

from hypothesis import settings


def examples(share: float) -> settings:
    """Try the profile's number of examples times ``share``: dear properties less, cheap more."""
    return settings(max_examples=max(1, round(settings().max_examples * share)))
