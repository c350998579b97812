"""Deduplication of outputs, which a worker repeats after it was restored from a checkpoint.

Every output carries an identity: an alert its id, any other the topic, partition and offset of
the record that caused it.
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
    """Return the identity of an output within its topic; ``None`` if its headers have none."""
    headers = first_headers(record.headers)
    if ALERT_ID in headers:
        return headers[ALERT_ID]
    if ACCURACY_ID in headers:
        return ACCURACY_ID, headers[ACCURACY_ID]
    if CORRECTS in headers:
        return CORRECTS, headers[CORRECTS]
    source = headers.get(SOURCE_TOPIC), headers.get(SOURCE_PARTITION), headers.get(SOURCE_OFFSET)
    return None if None in source else source


MOST_RECENT = 50_000
"""A worker repeats the outputs since its last checkpoint: far fewer."""


class RecentIdentities:
    """Recognises the repeats of outputs by the latest identities, in bounded memory.

    >>> recent = RecentIdentities(most=2)
    >>> [recent.is_new(own) for own in ("a", "b", "a", "c", "d", "a")]
    [True, True, False, True, True, True]
    """

    def __init__(self, most: int = MOST_RECENT) -> None:
        self._most = most
        self._seen: dict[Hashable, None] = {}

    def is_new(self, identity: Hashable) -> bool:
        """Remember an identity; say whether it is not among the latest ones."""
        is_new = identity not in self._seen
        self._seen[identity] = None
        if len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]
        return is_new


def without_repeats(records: Iterable[Any]) -> list[Any]:
    """Return a topic's records in their order, without those whose identity came before."""
    seen: set[Hashable] = set()
    kept = []
    for record in records:
        own = identity(record)
        if own is None or own not in seen:
            seen.add(own)
            kept.append(record)
    return kept
