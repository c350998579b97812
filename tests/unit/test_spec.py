"""A spec that could not work is refused when it is made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.finance import SPEC
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME, Events, as_objects
from streamsim.streams.spec import HOUR
from streamsim.streams.spec.features import Joined, Tracked, Tracker


def test_a_table_with_too_short_a_delay_is_refused() -> None:
    (table,) = SPEC.tables
    least = SPEC.trigger.allowed_lateness + SPEC.trigger.max_ahead
    replace(SPEC, tables=(replace(table, delay=least),))
    with pytest.raises(UsageError, match=f"terminals has a delay of {least - HOUR} ms"):
        replace(SPEC, tables=(replace(table, delay=least - HOUR),))


def test_what_is_tracked_can_only_know_of_what_is_looked_up() -> None:
    logistics = load_domain("logistics")
    (tracker,) = logistics.trackers
    with pytest.raises(UsageError, match="condition is to know of tides, which is not looked up"):
        replace(logistics, trackers=(replace(tracker, joined=("tides",)),))


def test_an_estimate_is_told_by_a_label_source_that_says_of_which_event() -> None:
    logistics = load_domain("logistics")
    (estimate,) = logistics.estimates
    assert [source.name for source in logistics.label_sources] == ["failures"]
    for change, match in (
        ({"source": "work_orders"}, "cannot be told by work_orders: it must be a label source"),
        ({"field": "days"}, "lives has no field days"),
    ):
        with pytest.raises(UsageError, match=match):
            replace(logistics, estimates=(replace(estimate, **change),))
    fewer = tuple(source for source in logistics.sources if source.name != "lives")
    own = replace(estimate, source="failures", field="failed")
    with pytest.raises(UsageError, match="no label source says what was true of its scores"):
        replace(logistics, sources=fewer, estimates=(own,))


def test_what_is_tracked_is_told_what_was_looked_up_and_no_more() -> None:
    def start() -> Tracked:
        raise AssertionError("nothing begins here")

    events = Events(
        "s", *(np.zeros(2, np.int64) for _ in range(5)), *(as_objects("ab") for _ in range(2)), {}
    )
    joined = Joined(np.array([5, NO_TIME]), {"kind": as_objects(["repair", None])})
    lookups = {"work": joined, "weather": joined}
    assert Tracker("t", start).told(events, lookups) is events
    told = Tracker("t", start, joined=("work",)).told(events, lookups)
    assert sorted(told.columns) == ["work.kind", "work.time"]
    assert told.integers("work.time").tolist() == [5, NO_TIME]
    assert told.strings("work.kind").tolist() == ["repair", None]
    assert not events.columns
