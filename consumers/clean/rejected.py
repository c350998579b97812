"""Rejected records for the dead-letter and late topics, with the reason of each in its headers."""

from __future__ import annotations

from collections.abc import Mapping

from streamsim.consumers.clean.cleaner import Cleaned
from streamsim.consumers.collect.records import Collected
from streamsim.streams.events import (
    ATTEMPTS,
    FOUND_AT,
    ORIGINAL,
    ORIGINAL_HASH,
    REASON,
    RECORD,
    HeaderColumns,
    Outbound,
    first_headers,
    source_headers,
)
from streamsim.streams.privacy.pseudonyms import keyed_hash, redact
from streamsim.streams.spec import DomainSpec, SourceSpec
from streamsim.streams.topics import DEAD, LATE, topic


def rejected(
    spec: DomainSpec, batch: Collected, cleaned: Cleaned, key: bytes | None = None
) -> list[Outbound]:
    """Return the records for the dead-letter and late topics: original bytes, reason in a header.

    If the source is sensitive, the value is masked text and the record has no key. A header then
    carries the keyed hash of the original bytes, if ``key`` is given.
    """
    own_source = spec.source(batch.records.source)
    rows = [(d.row, DEAD, (REASON, d.reason.encode())) for d in cleaned.dead]
    rows += [
        (row, LATE, ("lateness_ms", b"%d" % by))
        for row, by in zip(cleaned.late.tolist(), cleaned.lateness.tolist(), strict=True)
    ]
    records, source = batch.records, topic(spec.name, batch.records.source)
    out = []
    for row, where, note in rows:
        partition, offset = int(records.partition[row]), int(records.offset[row])
        own, value = records.key[row], records.value[row]
        headers = [note, *source_headers(source, partition, offset)]
        if not isinstance(records.headers, HeaderColumns):
            value, more = _noted(first_headers(records.headers[row]), value)
            headers += more
        if own_source.sensitive and value is not None:
            own, value, hashed = _masked(value, key, own_source)
            headers = [h for h in headers if h[0] != RECORD] + hashed
        where_to = topic(spec.name, where)
        out.append(Outbound(where_to, partition, own, value, records.timestamp[row], headers))
    return out


def _noted(
    headers: Mapping[str, bytes | None], value: bytes | None
) -> tuple[bytes | None, list[tuple[str, bytes]]]:
    """Return the value of a dead letter, and what its record's headers say of it."""
    kept = [(name, own) for name in (FOUND_AT, ATTEMPTS) if (own := headers.get(name))]
    original = headers.get(ORIGINAL)
    if original and value is not None:
        return original, [*kept, (RECORD, value)]
    return value, kept


def _masked(
    value: bytes, key: bytes | None, source: SourceSpec
) -> tuple[bytes | None, bytes, list[tuple[str, bytes]]]:
    """Return key, value and headers of a sensitive record without personal data."""
    text = value.decode("utf-8", "replace")
    hashed = [] if key is None else [(ORIGINAL_HASH, keyed_hash(value, key).encode())]
    return None, redact(text, key, source.vocabulary()).encode(), hashed
