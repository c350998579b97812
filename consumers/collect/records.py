"""Headers of records: separate events from heartbeats, and advance each partition's clock.

The source stamps its clock on every record (``source_time``). Another producer's record may have no
stamp: its own event time then serves as its clock, so it is never late. Such a producer is assumed
to send in order.

A clock leaps if it advances by more than the source's ``max_ahead``. Two heartbeats of the same
clock announce a leap. No other record makes a clock leap where heartbeats are heard: an event that
would is dead. So a record from the future stalls nothing, whichever program has sent it.
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


@dataclass(frozen=True, slots=True)
class Clocks:
    """Clocks of a source's partitions, changed in place.

    Attributes
    ----------
    now
        The clocks (ms, ``NO_TIME`` before the first record).
    heard
        What the last heartbeat said of each (ms, ``NO_TIME`` before the first), believed or not.
    """

    now: Ints
    heard: Ints

    @classmethod
    def of(cls, partitions: int) -> Clocks:
        """Return clocks before the first record."""
        return cls(np.full(partitions, NO_TIME), np.full(partitions, NO_TIME))


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


def advance(batch: Collected, claimed: Ints, clocks: Clocks, max_ahead: int) -> tuple[Ints, Mask]:
    """Advance the clocks of the partitions, in place, record by record.

    A clock never runs backwards.

    Parameters
    ----------
    claimed
        The records' stamps, or their event times where they have none (ms, ``NO_TIME`` for a
        record that has neither).
    max_ahead
        By how much one record may advance a clock (ms).

    Returns
    -------
    after
        The clock of each record's partition after that record (ms), shape ``(n,)``.
    leaps
        Which records would have made it leap, and are not believed.
    """
    now, beats = clocks.now, batch.heartbeat
    after, leaps = np.empty(len(claimed), np.int64), np.zeros(len(claimed), bool)
    for p, rows in stretches(batch.records.partition):
        own = claimed[rows]
        reached = np.maximum(np.maximum.accumulate(own), now[p])
        before = np.concatenate([now[p : p + 1], reached[:-1]])
        if ((own > before + max_ahead) & (before != NO_TIME)).any():
            stamped = batch.source_time[rows] != NO_TIME
            reached, leaps[rows] = _with_leaps(own, stamped, beats[rows], clocks, p, max_ahead)
        elif len(heard := np.flatnonzero(beats[rows])):
            clocks.heard[p] = own[heard[-1]]
        after[rows], now[p] = reached, reached[-1]
    return after, leaps


def _with_leaps(
    claimed: Ints, stamped: Mask, beats: Mask, clocks: Clocks, partition: int, max_ahead: int
) -> tuple[Ints, Mask]:
    """Return what :func:`advance` does, for records of one partition, one by one."""
    now, heard = int(clocks.now[partition]), int(clocks.heard[partition])
    after, leaps = np.empty(len(claimed), np.int64), np.zeros(len(claimed), bool)
    records = zip(claimed.tolist(), stamped.tolist(), beats.tolist(), strict=True)
    for row, (time, is_stamped, is_beat) in enumerate(records):
        leaps_ahead = now != NO_TIME and time > now + max_ahead
        if not leaps_ahead or (is_beat and time == heard):
            now = max(now, time)
        elif heard == NO_TIME:  # no producer of ours sends here: another's records are believed
            now = time if is_stamped else now + max_ahead
        else:
            leaps[row] = not is_beat
        heard = time if is_beat else heard
        after[row] = now
    clocks.heard[partition] = heard
    return after, leaps
