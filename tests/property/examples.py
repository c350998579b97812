"""Hypothesis settings that follow the profile."""

from __future__ import annotations

from hypothesis import settings


def examples(share: float) -> settings:
    """Try ``share`` times the profile's number of examples: fewer for slow properties."""
    return settings(max_examples=max(1, round(settings().max_examples * share)))
