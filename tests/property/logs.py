"""Small logs of the finance domain: all kinds of records in its topics, with their meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import orjson
from hypothesis import strategies as st

from streamsim.producers.wire import partition_of
from streamsim.streams.codec import format_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import (
    HEARTBEAT,
    INGEST_TIME,
    SOURCE_TIME,
    Headers,
)
from streamsim.streams.spec import DAY, HOUR, MINUTE

SPEC = replace(load_domain("finance"), partitions=3)
SOURCES = tuple(source.name for source in SPEC.inputs.sources)
CARDS = ("c0", "c5", "c2", "c6", "c1", "c3")  # two in each partition
START = 1_736_121_600_000  # 2025-01-06, a Monday
LATENESS = SPEC.trigger.allowed_lateness
AHEAD = SPEC.trigger.max_ahead
FAR = 9_999_999_999_999
"""A stamp that no producer announces."""


@dataclass(frozen=True)
class Item:
    """A record and its intended meaning.

    Attributes
    ----------
    stamp
        Its source's clock, ``None`` without one that can be read.
    kind
        ``event``, ``wreck`` (no event by its schema) or ``heartbeat``.
    """

    source: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    stamp: int | None
    kind: str
    event_id: str = ""
    time: int = 0


class Step(NamedTuple):
    """The next record: delay, kind, repeats, and errors."""

    gap: int
    kind: str
    card: int
    terminal: int
    cents: int
    repeat: int
    known_id: int | None
    shift: int
    stamp: str
    beat: bool = True
    """Whether all sources send a heartbeat after it: otherwise features may wait for long."""


GAPS = st.sampled_from([0, 0, 1, MINUTE, HOUR, LATENESS, DAY, 3 * DAY, 8 * DAY, 31 * DAY])
SHIFTS = (0, 0, 0, -1, -HOUR, -LATENESS, -LATENESS - 1, 1, HOUR, AHEAD, AHEAD + 1)
WRECKS: tuple[dict[str, Any] | bytes | None, ...] = (
    None,
    b'{"event_id": "',
    b"[]",
    {"terminal_id": None},
    {"amount_cents": -1},
    {"card_id": "c99"},  # which is not the record's key
    {"event_time": "2025-01-06"},
)
KINDS = (*["transactions"] * 6, *["chargebacks"] * 2, *["heartbeat"] * 2, "wreck")
UNSTAMPED = ("none", "junk")
STAMPS = ("own", "own", "own", "extra", *UNSTAMPED)
LEAPING = (*STAMPS, "none", "far")
"""What an event meets of a past that its source's clock has left for weeks is not promised."""


def wild_steps(
    shifts: Iterable[int] = (*SHIFTS, -50 * DAY, -400 * DAY, 50 * DAY, 400 * DAY),
    stamps: Iterable[str] = (*STAMPS, "none", "back", "far"),
) -> st.SearchStrategy[Step]:
    """Steps of sources whose clocks leap and run backwards, and whose events have any time.

    Events without a stamp come in time: for others, nothing is promised.
    """
    built = st.builds(
        Step,
        GAPS,
        st.sampled_from(KINDS),
        st.integers(0, len(CARDS) - 1),
        st.integers(0, 1),
        st.integers(0, 5_000),
        st.sampled_from([1, 1, 2, 10]),
        st.none() | st.integers(0, 3),
        st.sampled_from(list(shifts)),
        st.sampled_from(list(stamps)),
        st.booleans(),
    )
    return built.map(_in_time)


def steps() -> st.SearchStrategy[Step]:
    """Steps of sources whose clocks go forward."""
    return wild_steps(SHIFTS, STAMPS)


def _in_time(step: Step) -> Step:
    if step.stamp not in UNSTAMPED:
        return step
    return step._replace(shift=min(max(step.shift, -LATENESS), 0))


Story = Sequence[Step]


def tell(story: Story) -> list[Item]:
    """Make records of steps, in order of arrival; their producer announces its leaps."""
    items: list[Item] = []
    clock = START
    for step in story:
        for _ in range(step.repeat):
            clock += step.gap
            items += _items(step, clock, len(items))
            if step.beat:
                items += heartbeats(clock)
    return announced(items)


def announced(items: Iterable[Item]) -> list[Item]:
    """Put two heartbeats before each record that makes its partition's clock leap."""
    found: list[Item] = []
    clocks: dict[tuple[str, int], int] = {}
    for item in items:
        place, stamp = (item.source, item.partition), item.stamp
        if stamp is not None and stamp != FAR:
            if stamp > clocks.get(place, stamp) + AHEAD:
                found += [heartbeat(*place, stamp)] * 2
            clocks[place] = max(stamp, clocks.get(place, stamp))
        found.append(item)
    return found


def _items(step: Step, clock: int, number: int) -> list[Item]:
    if step.kind == "heartbeat":
        return [heartbeat(SOURCES[step.cents % 2], step.card % SPEC.partitions, clock)]
    if step.stamp == "back":
        clock -= 20 * DAY
    card, time = CARDS[step.card], clock + step.shift
    source = "chargebacks" if step.kind == "chargebacks" else "transactions"
    if step.kind == "wreck":
        source = SOURCES[step.terminal]
    event_id = f"{source[0]}{number}" if step.known_id is None else f"{source}-{step.known_id}"
    body = {
        "event_id": event_id,
        "event_time": format_times(np.array([time]))[0],
        "card_id": card,
        "terminal_id": f"t{step.terminal}",
        "amount_cents": step.cents,
    }
    if source == "chargebacks":
        happened = time - step.cents * 3 * HOUR // 1000 * 10
        body |= {
            "transaction_id": "x",
            "transaction_time": format_times(np.array([happened]))[0],
        }
    wrong = WRECKS[step.cents % len(WRECKS)] if step.kind == "wreck" else {}
    value = orjson.dumps({**body, **wrong}) if isinstance(wrong, dict) else wrong
    key = card.encode()
    stamp, headers = _stamped(step.stamp, clock)
    place = partition_of(key, SPEC.partitions)
    kind = "wreck" if step.kind == "wreck" else "event"
    return [Item(source, place, key, value, headers, stamp, kind, event_id, time)]


def _stamped(how: str, clock: int) -> tuple[int | None, Headers]:
    ingest = (INGEST_TIME, b"%d" % clock)
    if how in UNSTAMPED:
        return None, [ingest] if how == "none" else [(SOURCE_TIME, b"soon"), ingest]
    stamp = FAR if how == "far" else clock
    own = (SOURCE_TIME, b"%d" % stamp)
    return stamp, [("trace", None), own, (SOURCE_TIME, b"0")] if how == "extra" else [own, ingest]


def heartbeat(source: str, partition: int, clock: int) -> Item:
    headers: Headers = [(SOURCE_TIME, b"%d" % clock), (HEARTBEAT, b"1")]
    return Item(source, partition, None, None, headers, clock, "heartbeat", "", clock)


def heartbeats(clock: int) -> list[Item]:
    return [heartbeat(s, p, clock) for s in SOURCES for p in range(SPEC.partitions)]


def ending(items: Iterable[Item]) -> list[Item]:
    """Return final heartbeats on every partition, which release all waiting events."""
    clock = max((i.time for i in items), default=START) + 40 * DAY
    return heartbeats(clock) * 2


Logs = dict[tuple[str, int], list[Item]]


def logs_of(items: Iterable[Item]) -> Logs:
    """Append records to the logs of their partitions."""
    logs: Logs = {(s, p): [] for s in SOURCES for p in range(SPEC.partitions)}
    for item in items:
        logs[item.source, item.partition].append(item)
    return logs
