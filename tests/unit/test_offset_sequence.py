"""What is fetched is held to the offsets that are next."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.worker.offset_sequence import GIVE_UP_S, OffsetSequence


def records(*offsets: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(offset=offset) for offset in offsets]


def offsets(found: object) -> list[int]:
    return [r.offset for r in found]  # type: ignore[attr-defined]


def taken(order: OffsetSequence, *fetched: int) -> tuple[list[int], int | None]:
    found, again = order.take("p", records(*fetched))
    return offsets(found), again


def test_what_comes_too_early_is_read_again() -> None:
    now = [0.0]
    order = OffsetSequence(lambda: now[0])
    order.expect("p", 3)
    assert taken(order, 3, 4) == ([3, 4], None)
    assert taken(order, 6, 7) == ([], 5)  # 5 is not to be seen yet
    assert taken(order, 5, 7) == ([5], 6)  # nor is 6 now
    assert taken(order, 2, 3) == ([], None)  # these were there already
    assert taken(order, 5, 6, 7) == ([6, 7], None)


def test_what_the_log_lacks_is_not_waited_for_for_ever() -> None:
    now = [0.0]
    order = OffsetSequence(lambda: now[0])
    order.expect("p", 0)
    assert taken(order, 10, 11) == ([], 0)
    now[0] = GIVE_UP_S
    assert taken(order, 10, 11) == ([], 0)
    now[0] += 0.1
    assert taken(order, 10, 11) == ([10, 11], None)
    assert taken(order, 12) == ([12], None)


def test_a_place_begins_where_it_is_first_seen() -> None:
    order = OffsetSequence()
    assert not order.expects("p")
    assert taken(order, 4, 5) == ([4, 5], None)
    assert taken(order, 7) == ([], 6)
    order.forget()
    assert taken(order, 7) == ([7], None)


@given(st.data())
def test_everything_comes_once_and_in_order(data: st.DataObject) -> None:
    """Whatever part of the log a fetch shows, from wherever it begins."""
    order, at, seen = OffsetSequence(lambda: 0.0), 0, list[int]()
    order.expect("p", 0)
    for _ in range(200):
        if at >= 20:
            break
        window = range(at, min(at + data.draw(st.integers(1, 6)), 20))
        hidden = data.draw(st.sets(st.sampled_from(window), max_size=len(window) - 1))
        shown = [offset for offset in window if offset not in hidden]
        found, again = taken(order, *shown)
        seen += found
        at = shown[-1] + 1 if again is None else again
    assert seen == list(range(len(seen)))
