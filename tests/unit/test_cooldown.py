"""Cool-downs: which of some events raise an alert, asked before and after it is raised."""

from __future__ import annotations

import numpy as np

from streamsim.consumers.monitor.cooldown import Cooldown
from streamsim.streams.events import Events, as_objects


def events(*rows: tuple[str, int]) -> Events:
    times = np.array([time for _, time in rows], np.int64)
    names, zeros = as_objects(name for name, _ in rows), np.zeros(len(rows), np.int64)
    return Events("s", zeros, np.arange(len(rows)), times, times, times, names, names, {})


def test_asking_changes_nothing_and_tells_what_will_be_raised() -> None:
    cooldown = Cooldown(10, 1)
    first = events(("a", 0), ("b", 3), ("a", 5), ("a", 12), ("a", 11), ("b", 13))
    for _ in range(2):
        assert cooldown.due(first).tolist() == [0, 1, 3, 5]
    assert cooldown.raised(first).tolist() == [0, 1, 3, 5]
    assert cooldown.due(events(("a", 21), ("b", 23), ("c", 0))).tolist() == [1, 2]


def test_without_a_cool_down_each_event_raises_an_alert() -> None:
    assert Cooldown(0, 1).raised(events(("a", 0), ("a", 0))).tolist() == [0, 1]
