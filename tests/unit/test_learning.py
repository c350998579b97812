"""Renewal of technology's recommender, compared with a plain loop over the events."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from streamsim.streams.domains.technology import SPEC
from streamsim.streams.domains.technology.catalogue import catalogue
from streamsim.streams.domains.technology.co_views import CoViews
from streamsim.streams.domains.technology.history import TITLES
from streamsim.streams.domains.technology.learning import (
    BEFORE,
    FADE,
    FORGOTTEN,
    WatchedTitles,
    begin,
)
from streamsim.streams.domains.technology.numbering import MOST_TITLES
from streamsim.streams.domains.technology.recommender import SlateClassifier
from streamsim.streams.domains.technology.schema import START, STOP, WATCHED
from streamsim.streams.events import Events, as_objects
from streamsim.streams.stored.packing import pack, unpack

KNOWN, ALL = 5, 8


def champion() -> SlateClassifier:
    """Return a champion with the first titles, fitted to some counts."""
    made = SlateClassifier(TITLES, TITLES, None, size=3)
    counted = CoViews.of(np.array([[1, 1, 0, 0, 0], [0, 1, 1, 1, 0], [1, 0, 0, 0, 1]]))
    found = counted.solve(ridge=made.ridge)
    made.weights_, made.known_ = found.weights, found.known
    made.popularity_ = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    made.gram_, made.views_ = counted.gram, counted.views
    return made


def viewing(seed: int, n: int = 300) -> list[tuple[int, str, str, int, float]]:
    """Time, user, action, title, and the share that was watched."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        user, title = f"u{draw.integers(6)}", int(draw.integers(1, ALL + 1))
        share = float(draw.choice([0.1, 0.5, 1.0, np.nan]))
        rows.append((2 * number, user, START, title, np.nan))
        rows.append((2 * number + 1, user, STOP, title, share))
    return rows


def as_events(rows: list[tuple[int, str, str, int, float]]) -> Events:
    time, user, action, title, share = zip(*rows, strict=True)
    n = np.zeros(len(rows), np.int64)
    ids = as_objects(f"e{t}" for t in time)
    return Events(
        "views", n, np.arange(len(rows)), np.array(time), n, n, ids, as_objects(user),
        {"action": as_objects(action), "title_no": np.array(title), "share": np.array(share)},
    )  # fmt: skip


def learnt(rows: list[tuple[int, str, str, int, float]], cuts: list[int]) -> WatchedTitles:
    own = begin(champion())
    for start, end in pairwise([0, *cuts, len(rows)]):
        if start < end:
            own.learn(as_events(rows[start:end]))
    return own


@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_a_loop(seed: int) -> None:
    rows, cuts = viewing(seed), [100, 101, 350]
    gram, plays = np.zeros((ALL, ALL)), np.zeros(ALL)
    made = champion()
    gram[:KNOWN, :KNOWN], plays[:KNOWN] = made.gram_, BEFORE * made.popularity_
    past: dict[str, list[int]] = {}
    for start, end in pairwise([0, *cuts, len(rows)]):
        gram, plays = gram * FADE, plays * FORGOTTEN
        for _, user, action, title, share in rows[start:end]:
            if action == START:
                own = [t for t in past.get(user, []) if t != title]
                past[user] = [title, *own][:TITLES]
            elif share >= WATCHED:
                plays[title - 1] += 1
                seen = np.array(past[user]) - 1
                gram[np.ix_(seen, seen)] += len(seen) ** -made.seen().damping
    found = learnt(rows, cuts)
    np.testing.assert_allclose(found._seen.gram, gram, atol=1e-9)
    renewed = found.renewed()
    assert isinstance(renewed, SlateClassifier)
    np.testing.assert_allclose(renewed.popularity_, plays / plays.sum(), atol=1e-12)
    expected = CoViews(gram, gram.diagonal().copy(), 1).solve(ridge=made.ridge)
    np.testing.assert_allclose(renewed.weights_, expected.weights, atol=2e-6)
    assert renewed.known_.tolist() == expected.known.tolist()


def test_what_is_learnt_later_changes_no_version() -> None:
    rows = viewing(7)
    own = begin(champion())
    own.learn(as_events(rows[:200]))
    renewed = own.renewed()
    assert isinstance(renewed, SlateClassifier)
    before = renewed.weights_.copy(), renewed.popularity_.copy()
    own.learn(as_events(rows[200:]))
    assert isinstance(later := own.renewed(), SlateClassifier)
    assert renewed.weights_.tolist() == before[0].tolist()
    assert renewed.popularity_.tolist() == before[1].tolist()
    assert later.weights_.tolist() != before[0].tolist()
    assert len(champion().weights_) == KNOWN < len(later.weights_) == ALL


def test_a_title_of_any_number_takes_no_memory() -> None:
    rows = [(0, "u", START, 2, np.nan), (1, "u", STOP, 2, 1.0)]
    far = MOST_TITLES + 900_000
    strange = [(2, "u", START, far, np.nan), (3, "u", STOP, far, 1.0), (4, "u", STOP, 0, 1.0)]
    own = learnt([*rows, *strange], [])
    renewed = own.renewed()
    assert isinstance(renewed, SlateClassifier)
    assert len(renewed.weights_) == KNOWN
    assert renewed.popularity_.sum() == pytest.approx(1.0)


def test_the_world_has_fewer_titles_than_are_learnt() -> None:
    assert len(catalogue()) < MOST_TITLES
    assert SPEC.model.renewal is not None
    assert SPEC.model.renewal.begin is begin


def test_what_was_learnt_goes_on_after_a_restart() -> None:
    rows = viewing(3)
    whole, first = learnt(rows, [150, 300]), learnt(rows[:150], [])
    again = begin(champion())
    again.restore(unpack(pack(first.snapshot())))
    for start, end in ((150, 300), (300, len(rows))):
        again.learn(as_events(rows[start:end]))
    one, other = whole.snapshot(), again.snapshot()
    assert one.keys() == other.keys()
    assert all(list(one[name]) == list(other[name]) for name in one)
