"""What is fetched is held to the offsets that are next."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.worker.offset_sequence import OffsetSequence


def taken(order: OffsetSequence, *fetched: int) -> tuple[list[int], int | None]:
    found, again = order.take("p", [SimpleNamespace(offset=offset) for offset in fetched])
    return [record.offset for record in found], again


def test_records_of_another_position_are_not_taken() -> None:
    order = OffsetSequence()
    order.expect("p", 3)
    assert taken(order, 3, 4) == ([3, 4], None)
    assert taken(order, 8, 9) == ([], 5)  # fetched before a seek
    assert taken(order, 5, 6) == ([5, 6], None)
    assert taken(order, 2, 3) == ([], None)
    assert taken(order, 5, 6, 7) == ([7], None)  # a batch begins before the wanted offset


def test_what_the_log_lacks_is_sought_once() -> None:
    order = OffsetSequence()
    order.expect("p", 0)
    assert taken(order, 10, 11) == ([], 0)
    assert taken(order, 10, 11, 14) == ([10, 11, 14], None)
    assert taken(order, 15) == ([15], None)
    assert taken(order, 18) == ([], 16)
    assert taken(order, 18) == ([18], None)


def test_a_place_begins_where_it_is_first_seen() -> None:
    order = OffsetSequence()
    assert not order.expects("p")
    assert taken(order, 4, 5) == ([4, 5], None)
    assert taken(order, 7) == ([], 6)
    order.forget()
    assert taken(order, 7) == ([7], None)


@given(
    log=st.sets(st.integers(0, 30), min_size=1).map(sorted),
    fetches=st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(1, 8)), max_size=60),
)
def test_everything_comes_once_and_in_order(
    log: list[int], fetches: list[tuple[bool, int, int]]
) -> None:
    """From a log with holes; never two fetches of another position in a row."""
    order, at, seen = OffsetSequence(), 0, list[int]()
    order.expect("p", 0)
    for astray, elsewhere, size in fetches:
        for begin in [elsewhere, at] if astray else [at]:
            fetched = [offset for offset in log if offset >= begin][:size]
            if not fetched:
                continue
            found, again = taken(order, *fetched)
            seen += found
            at = fetched[-1] + 1 if again is None and begin == at else again or at
    assert seen == log[: len(seen)]
