"""Instants and spans: parsed from tests, formatted for messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np

from streamsim.streams.codec import format_times, parse_times
from streamsim.streams.errors import UsageError

Instant: TypeAlias = str | int | datetime
"""RFC 3339 text (a bare date is midnight UTC), milliseconds, or an aware datetime."""


def instant_ms(instant: Instant) -> int:
    """Return an instant in ms since 1970 (UTC).

    Raises
    ------
    UsageError
        If the value is no instant.

    Examples
    --------
    >>> instant_ms("1970-01-02"), instant_ms("1970-01-01T00:00:01Z"), instant_ms(7)
    (86400000, 1000, 7)
    """
    if isinstance(instant, int):
        return instant
    if isinstance(instant, datetime):
        if instant.tzinfo is None:
            raise UsageError(f"an instant needs a time zone: {instant!r}")
        return round((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    text = instant if "T" in instant else f"{instant}T00:00:00Z"
    time = int(parse_times([text])[0])
    if time == np.iinfo(np.int64).min:
        raise UsageError(f"not an instant: {instant!r}; write it as 2025-03-11T03:00:00Z")
    return time


def spell(time_ms: int) -> str:
    """Format an instant as text (UTC).

    >>> spell(1_000)
    '1970-01-01 00:00:01'
    """
    return format_times(np.array([time_ms]))[0].replace("T", " ")[:19]


def spell_span(seconds: float) -> str:
    """Format a span as text.

    >>> spell_span(90), spell_span(7200), spell_span(172800)
    ('90 s', '2 h', '2 days')
    """
    for size, unit in ((86_400, "days"), (3_600, "h")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
