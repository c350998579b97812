"""A recording's records by column are those that its batches give row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamsim.producers.recording import ANNOUNCED, Recorded, Recording, make_recording
from streamsim.simulator.testing.recorded_records import _row_by_row, recorded_records
from streamsim.simulator.testing.replay import record_world
from streamsim.simulator.testing.replayable import replay_without_model
from streamsim.simulator.testing.scenario import Scenario
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import Records

SPEC = load_domain("finance")
RECORDING = record_world(SPEC, seed=3, days=1, cards=50)


def plain(parts: list[Records]) -> list[dict[str, Any]]:
    grouped = [part.by_partition() for part in parts]
    return [
        {
            "source": part.source,
            "partition": part.partition.tolist(),
            "offset": part.offset.tolist(),
            "timestamp": list(part.timestamp),
            "key": list(part.key),
            "value": list(part.value),
            "headers": [list(own) for own in part.headers],
        }
        for part in grouped
    ]


@pytest.mark.parametrize("rows", [1, 30_000])
def test_they_are_those_of_its_batches(rows: int) -> None:
    found = [*recorded_records(SPEC, RECORDING, rows)]
    expected = [*_row_by_row(SPEC, RECORDING, rows)]
    assert plain(joined(found)) == plain(joined(expected))


def test_headers_of_another_layout_are_read_row_by_row() -> None:
    more = [("trace", b"1"), *RECORDING.records[0].headers]
    other = make_recording([RECORDING.records[0]._replace(headers=tuple(more))])
    assert headers_of(other)[0][0] == ("trace", b"1")


def test_a_recording_without_records_gives_none() -> None:
    assert list(recorded_records(SPEC, make_recording(list[Recorded]()), 1)) == []


def headers_of(recording: Recording) -> list[Any]:
    return [own for part in recorded_records(SPEC, recording, 1) for own in part.headers]


def joined(parts: list[Records]) -> list[Records]:
    """Join each source's records: batches end where they like."""
    sources = {part.source: [p for p in parts if p.source == part.source] for part in parts}
    return [
        Records(
            source,
            np.concatenate([p.partition for p in own]),
            np.concatenate([p.offset for p in own]),
            [x for p in own for x in p.timestamp],
            [x for p in own for x in p.key],
            [x for p in own for x in p.value],
            [x for p in own for x in p.headers],
        )
        for source, own in sources.items()
    ]


def test_a_recording_of_an_earlier_version_may_have_leaps_that_are_not_announced() -> None:
    """Its producers sent one heartbeat where a clock had leapt."""
    events = Scenario(SPEC)
    for day in ("2025-03-01", "2025-03-20"):
        at = f"{day}T12:00:00Z"
        events.add("transactions", at=at, card_id="c1", terminal_id="t1", amount_cents=100)
    now = events.recording()
    seen = set()
    once = [r for r in now.records if not (r[:2] + r[3:] in seen or seen.add(r[:2] + r[3:]))]
    assert len(once) < len(now.records)
    earlier = Recording(once, {**now.manifest, ANNOUNCED: False})
    for recording in (now, earlier):
        outcome = replay_without_model(recording)
        outcome.expect_closed()
        assert outcome.account["filtered"] == 2
    assert len(replay_without_model(Recording(once, now.manifest)).dead) == 1
