"""What outputs amount to: a worker that was set back repeats some, and a repeat counts for nothing.

Every output says where it comes from: an alert by its id, the others by the position of the
record that gave rise to them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from streamsim.streams.events import (
    CORRECTS,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
    first_headers,
)

ALERT_ID, ACCURACY_ID = "ce_id", "accuracy_id"


def identity(record: Any) -> Hashable:
    """Return what tells an output from others of its topic; ``None`` if it does not say."""
    headers = first_headers(record.headers)
    if ALERT_ID in headers:
        return headers[ALERT_ID]
    if ACCURACY_ID in headers:
        return ACCURACY_ID, headers[ACCURACY_ID]
    if CORRECTS in headers:
        return CORRECTS, headers[CORRECTS]
    source = headers.get(SOURCE_TOPIC), headers.get(SOURCE_PARTITION), headers.get(SOURCE_OFFSET)
    return None if None in source else source


def once(records: Iterable[Any]) -> list[Any]:
    """Drop the repeats among a topic's records, in their order."""
    seen: set[Hashable] = set()
    kept = []
    for record in records:
        own = identity(record)
        if own is None or own not in seen:
            seen.add(own)
            kept.append(record)
    return kept
