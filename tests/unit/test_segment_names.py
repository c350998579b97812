"""Codes of segments: the same in every partition and process, and no more than are kept."""

from __future__ import annotations

import numpy as np

from streamsim.consumers.monitor import segment_names
from streamsim.consumers.monitor.segment_names import MOST, OTHER, UNKNOWN, SegmentNames, name_code
from streamsim.streams.events import Events, as_objects


def events(values: list[object], partitions: list[int]) -> Events:
    n, p = np.zeros(len(values), np.int64), np.array(partitions)
    ids = as_objects(f"e{i}" for i in range(len(values)))
    return Events("s", p, np.arange(len(values)), n, n, n, ids, ids, {"area": as_objects(values)})


def test_a_name_has_one_code_of_64_bits_with_a_sign() -> None:
    codes = {name_code(f"n{i}") for i in range(1_000)}
    assert len(codes) == 1_000
    assert min(codes) < 0 < max(codes)
    assert all(int(np.int64(code)) == code for code in codes)


def test_codes_are_those_of_the_names_in_every_partition() -> None:
    own = SegmentNames("area", 2)
    codes = own.codes(events(["north", "south", "north", 7], [0, 0, 1, 1]))
    assert isinstance(codes, np.ndarray)
    assert codes.tolist() == [name_code(name) for name in ("north", "south", "north", "7")]
    assert (own.of(0), own.of(1)) == (["north", "south"], ["north", "7"])
    assert own.among(0, np.array([name_code("south"), name_code("7")])) == ["south"]


def test_without_a_column_there_are_no_segments() -> None:
    own = SegmentNames(None, 1)
    assert own.codes(events(["north"], [0])) == 0
    assert own.of(0) == []


def test_names_beyond_the_most_are_one_segment() -> None:
    own = SegmentNames("area", 1)
    names: list[object] = [f"n{i}" for i in range(MOST + 3)]
    codes = own.codes(events(names, [0] * len(names)))
    assert isinstance(codes, np.ndarray)
    assert codes[:MOST].tolist() == [name_code(str(name)) for name in names[:MOST]]
    assert set(codes[MOST:].tolist()) == {name_code(OTHER)}
    assert len(own.of(0)) == MOST + 1


def test_restored_names_stay_the_first_ones() -> None:
    first, again = SegmentNames("area", 1), SegmentNames("area", 1)
    names: list[object] = [f"n{i}" for i in range(segment_names.MOST)]
    first.codes(events(names, [0] * len(names)))
    again.restore(0, first.of(0))
    one, other = (own.codes(events(["n3", "new"], [0, 0])) for own in (first, again))
    assert np.array_equal(one, other)
    assert again.of(0) == first.of(0)


def test_events_without_a_value_are_one_segment() -> None:
    own = SegmentNames("area", 1)
    assert own.codes(events([None, "north", None], [0] * 3)).tolist() == [  # type: ignore[union-attr]
        name_code(name) for name in (UNKNOWN, "north", UNKNOWN)
    ]
    assert own.of(0) == [UNKNOWN, "north"]
