"""A new rhythm of buying: a few visits after a payment, and then none until the next one."""

from __future__ import annotations

import numpy as np

from streamsim.streams.domains.retail.diary import Diary
from streamsim.streams.domains.retail.households import draw_town
from streamsim.streams.domains.retail.new_rhythm import CYCLE, OPTIONS, Rhythm

AT, DAYS = 60, 200
TOWN = draw_town(3, 300)


def _rhythm(**options: float) -> Rhythm:
    return Rhythm(3, TOWN, {**OPTIONS, "change_day": float(AT), "change_size": 1.0, **options})


def _visits(rhythm: Rhythm) -> list[list[int]]:
    """Return the days on which each household visits, without lapses."""
    diary = Diary(3, TOWN, 0.0, rhythm)
    found: list[list[int]] = [[] for _ in range(len(TOWN))]
    for day in range(DAYS):
        diary.begin(day)
        for household in diary.visitors(day).tolist():
            found[household].append(day)
    return found


def test_visits_are_the_same_until_then_and_come_in_clusters_afterwards() -> None:
    still, changed = _visits(_rhythm(change_day=0.0)), _visits(_rhythm())
    before = [[day for day in own if day <= AT] for own in still]
    assert before == [[day for day in own if day <= AT] for own in changed]
    usual, gaps = (
        np.concatenate([np.diff([day for day in own if day > AT + CYCLE]) for own in visits])
        for visits in (still, changed)
    )
    assert len(gaps) > 1000
    between = (gaps > 5) & (gaps < 14)
    assert between.mean() < 0.05 < ((usual > 5) & (usual < 14)).mean()
    assert (gaps <= 5).mean() > 0.4
    assert (gaps >= 14).mean() > 0.2


def test_households_take_it_up_over_the_ramp_and_some_never() -> None:
    slow = _rhythm(change_size=0.5, change_ramp_days=40.0)
    shares = [slow.changed(day).mean() for day in (AT - 1, AT, AT + 20, AT + 40, DAYS)]
    assert shares[0] == shares[1] == 0.0
    assert 0.18 < shares[2] < 0.32
    assert 0.42 < shares[3] == shares[4] < 0.58
    assert (slow.changed(AT + 20) <= slow.changed(AT + 40)).all()


def test_those_who_do_not_change_keep_their_gaps_and_baskets() -> None:
    half = _rhythm(change_size=0.5)
    who, usual = np.arange(10), np.linspace(1.0, 20.0, len(TOWN))
    stay = ~half.changed(AT)
    assert (half.gap(AT, who, usual)[stay] == usual[stay]).all()
    assert (half.lines(AT)[stay] == TOWN.lines[stay]).all()
    assert (half.lines(AT)[~stay] >= TOWN.lines[~stay]).all()
    assert (half.lines(AT - 1) == TOWN.lines).all()
    assert half.gap(AT - 1, who, usual) is usual
