"""Drivers: split logs into arbitrary batches, and push them through a pipeline without a model."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import strategies as st

from streamsim.simulator.in_process import InProcess
from streamsim.streams.events import Floats, Matrix, Outbound, Records
from streamsim.streams.spec import DomainSpec
from tests.property.chained import signature
from tests.property.logs import SPEC, Item, logs_of

SIGNATURE = signature(SPEC)


def checksum(features: Matrix) -> Floats:
    """Score each row by a checksum of its bits: any change of a feature changes the score."""
    return np.array([zlib.crc32(row.tobytes()) / 2**32 for row in features])


Batch = list[tuple[int, Item]]
"""Records of one source, each with its offset."""


def records_of(batch: Batch) -> Records:
    items = [item for _, item in batch]
    return Records(
        items[0].source,
        np.array([item.partition for item in items]),
        np.array([offset for offset, _ in batch]),
        [max(item.time, 0) for item in items],
        [item.key for item in items],
        [item.value for item in items],
        [item.headers for item in items],
    )


def one_by_one(items: Iterable[Item]) -> list[Batch]:
    """Split into batches of one record, in order of arrival; only heartbeats are batched."""
    ends: dict[tuple[str, int], int] = {}
    batches: list[Batch] = []
    before = ("", "")
    for item in items:
        place = item.source, item.partition
        row = ends.get(place, 0), item
        if before == (item.source, "heartbeat") == (item.source, item.kind):
            batches[-1].append(row)
        else:
            batches.append([row])
        before = item.source, item.kind
        ends[place] = ends.get(place, 0) + 1
    return batches


Schedule = Sequence[tuple[int, int, bool]]
SCHEDULES: st.SearchStrategy[Schedule] = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 12), st.booleans()), min_size=1, max_size=12
)
"""Which log to take from, how many records, and whether into the batch before."""


def scheduled(items: Iterable[Item], schedule: Schedule) -> list[Batch]:
    """Split into batches by a schedule, which repeats until all records are sent."""
    left = {place: list(enumerate(log)) for place, log in logs_of(items).items() if log}
    batches: list[Batch] = []
    turn = 0
    while left:
        pick, size, glue = schedule[turn % len(schedule)]
        place = list(left)[pick % len(left)]
        taken, left[place] = left[place][:size], left[place][size:]
        if not left[place]:
            del left[place]
        if glue and batches and batches[-1][0][1].source == place[0]:
            batches[-1] += taken
        else:
            batches.append(taken)
        turn += 1
    return batches


def run(
    batches: Iterable[Batch], *, hold: bool = False, spec: DomainSpec = SPEC
) -> tuple[InProcess, list[Outbound]]:
    """Push batches through a pipeline that scores by checksum."""
    domain = InProcess(spec, checksum, signature(spec), hold=hold)
    return domain, list(domain.run(map(records_of, batches)))
