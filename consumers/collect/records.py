"""Headers of records: separate events from heartbeats, and advance each partition's clock.

The source stamps its clock on every record (``source_time``). Another producer's record may have no
stamp: its own event time then serves as its clock, so it is never late. Such a producer is assumed
to send in order. An event that is months away from its partition's clock may miss state that has
expired, or wait for a watermark that never comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamsim.streams.codec import parse_header_ints
from streamsim.streams.events import (
    HEARTBEAT,
    INGEST_TIME,
    NO_TIME,
    REFUSED,
    SOURCE_TIME,
    Headers,
    Ints,
    Mask,
    Records,
    first_headers,
    stretches,
)
from streamsim.streams.stamps import Stamps


@dataclass(slots=True)
class Collected:
    """Records with their parsed headers.

    ``source_time`` and ``ingest_time`` are ``NO_TIME`` where the header is missing or unreadable.
    ``refused`` has the rows whose reader could not make an event of them, and why.
    """

    records: Records
    source_time: Ints
    ingest_time: Ints
    heartbeat: Mask
    refused: Mapping[int, str] = field(default_factory=dict)


def collect(records: Records) -> Collected:
    """Read the headers of a batch."""
    headers = records.headers
    if isinstance(headers, Stamps):
        return Collected(records, headers.source_time, headers.ingest_time, headers.heartbeat)
    if (usual := _usual(headers)) is not None:
        return Collected(records, *_columns(usual))
    named = [first_headers(own) for own in headers]
    refused = {row: _shown(own[REFUSED]) for row, own in enumerate(named) if own.get(REFUSED)}
    return Collected(records, *_columns(_any(named)), refused)


def _shown(reason: bytes | None) -> str:
    """Return a reason as a text that a screen can show; any producer may have written it."""
    text = (reason or b"")[:_LONGEST].decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


_LONGEST = 1_000


def usual_stamps(headers: Sequence[Headers]) -> Stamps | None:
    """Return headers by column; ``None`` if any record has another layout than our producers'."""
    usual = _usual(headers)
    return None if usual is None else Stamps(*_columns(usual))


RawStamps = tuple[Sequence[bytes | None], Sequence[bytes | None], list[int]]
"""Source times, ingest times, and the rows of what may be heartbeats."""


def _columns(read: RawStamps) -> tuple[Ints, Ints, Mask]:
    """Parse source times and ingest times (ms), and say which records are heartbeats."""
    source, ingest, beats = read
    source_time = parse_header_ints(source)
    heartbeat = np.zeros(len(source), bool)
    heartbeat[beats] = source_time[beats] != NO_TIME
    return source_time, parse_header_ints(ingest), heartbeat


def _usual(headers: Sequence[Headers]) -> RawStamps | None:
    """Read headers in the layout of our producers; ``None`` if any record has another layout."""
    if not headers:
        return [], [], []
    try:
        flat = [(a, x, b, y) for (a, x), (b, y) in headers]
    except ValueError:
        return None
    first, source, second, value = zip(*flat, strict=True)
    if set(first) != {SOURCE_TIME} or not set(second) <= {INGEST_TIME, HEARTBEAT}:
        return None
    if HEARTBEAT not in second:
        return source, value, []
    beats = [row for row, name in enumerate(second) if name == HEARTBEAT]
    ingest = list(value)
    for row in beats:
        ingest[row] = None
    return source, ingest, beats


def _any(named: Sequence[Mapping[str, bytes | None]]) -> RawStamps:
    """Read headers in any order, with other headers among them."""
    return (
        [own.get(SOURCE_TIME) for own in named],
        [own.get(INGEST_TIME) for own in named],
        [row for row, own in enumerate(named) if HEARTBEAT in own],
    )


def advance(clock: Ints, partition: Ints, source_time: Ints, stamped: Mask, max_ahead: int) -> Ints:
    """Advance the clocks of the partitions, in place, record by record.

    A clock never runs backwards. A record without a stamp advances it by at most ``max_ahead``, so
    that one wrong event time does not delay or expire other events.

    Parameters
    ----------
    clock
        Per partition (ms, ``NO_TIME`` before its first record).
    source_time
        The records' stamps, or their event times where they have none (ms, ``NO_TIME`` for a
        record that has neither).

    Returns
    -------
    The clock of each record's partition after that record (ms), shape ``(n,)``.
    """
    if not stamped.all():
        return _advance_singly(clock, partition, source_time, stamped, max_ahead)
    after = np.empty(len(partition), np.int64)
    for p, rows in stretches(partition):
        after[rows] = np.maximum(np.maximum.accumulate(source_time[rows]), clock[p])
        clock[p] = after[rows.stop - 1]
    return after


def _advance_singly(
    clock: Ints, partition: Ints, source_time: Ints, stamped: Mask, max_ahead: int
) -> Ints:
    after = []
    now = clock.tolist()
    rows = zip(partition.tolist(), source_time.tolist(), stamped.tolist(), strict=True)
    for p, time, is_stamped in rows:
        if not is_stamped and now[p] != NO_TIME:
            time = min(time, now[p] + max_ahead)
        now[p] = max(now[p], time)
        after.append(now[p])
    clock[:] = now
    return np.array(after, np.int64)
