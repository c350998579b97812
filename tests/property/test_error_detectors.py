"""Detectors on errors: any cut gives the same alarms, a restored one goes on, a rise is seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.monitor.drift.error_detector import DETECTORS, make_detector
from streamsim.streams.errors import UsageError
from tests.property.examples import examples

SLOW = {"kswin"}
OPTIONS: dict[str, dict[str, Any]] = {"page_hinkley": {"threshold": 10}, "ddm": {}}


def errors(seed: int, n: int, rise: float) -> np.ndarray:  # type: ignore[type-arg]
    draw = np.random.default_rng(seed)
    rate = np.where(np.arange(n) < n // 2, 0.1, rise)
    return (draw.random(n) < rate).astype(float)


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - SLOW))
@examples(0.15)
@given(
    seed=st.integers(0, 50),
    cuts=st.lists(st.integers(0, 600), max_size=4),
)
def test_neither_cuts_nor_restarts_change_the_alarms(name: str, seed: int, cuts: list[int]) -> None:
    keeps_its_alarms(name, errors(seed, 600, 0.5), cuts)


def test_nor_do_they_change_those_of_a_slow_one() -> None:
    keeps_its_alarms("kswin", errors(1, 300, 0.9), [130, 170])


def keeps_its_alarms(name: str, values: np.ndarray, cuts: list[int]) -> None:  # type: ignore[type-arg]
    own = OPTIONS.get(name, {})
    expected = make_detector(name, **own).update(values).tolist()
    detector, found, begin = make_detector(name, **own), [], 0
    for cut in [*sorted(cuts), len(values)]:
        found += (detector.update(values[begin:cut]) + begin).tolist()
        begin = max(begin, min(cut, len(values)))
        state = orjson.loads(orjson.dumps(detector.snapshot()))
        detector = make_detector(name, **own)
        detector.restore(state)
    assert found == expected


@pytest.mark.parametrize("name", DETECTORS)
def test_a_rise_is_seen_and_a_fall_is_not(name: str) -> None:
    n = 1_000 if name in SLOW else 4_000
    own = OPTIONS.get(name, {})
    alarms = make_detector(name, **own).update(errors(1, n, 0.6)).tolist()
    assert [at for at in alarms if n // 2 <= at < n // 2 + 400]
    better = make_detector(name, **own).update(errors(1, n, 0.6)[::-1].copy())
    assert not [at for at in better.tolist() if n // 2 <= at < n // 2 + 400] or name == "eddm"


@examples(0.3)
@given(seed=st.integers(0, 1_000), window=st.integers(3, 40), rise=st.floats(0, 1))
def test_stepd_is_the_test_of_its_paper(seed: int, window: int, rise: float) -> None:
    """Each step by itself, from the counts of right results as the paper has them."""
    from scipy.stats import norm

    values, alpha = errors(seed, 300, rise), 0.01
    expected, since = [], 0
    for at in range(len(values)):
        own = 1 - values[since : at + 1]
        if len(own) < 2 * window:
            continue
        r_old, r_new = own[:-window].sum(), own[-window:].sum()
        n_old, p = len(own) - window, own.mean()
        if p in (0, 1):
            continue
        both = 1 / n_old + 1 / window
        gap = r_old / n_old - r_new / window
        t = (abs(gap) - both / 2) / np.sqrt(p * (1 - p) * both)
        if gap > 0 and t > 0 and 2 * (1 - norm.cdf(t)) < alpha:
            expected.append(at)
            since = at + 1
    assert make_detector("stepd", window=window, alpha=alpha).update(values).tolist() == expected


def test_seed_merges_what_is_alike_and_still_finds_the_change() -> None:
    detector = make_detector("seed", term=20)
    assert detector.update(errors(3, 40_000, 0.1)).tolist() == []
    assert len(detector.snapshot()["blocks"]) < 60  # of 1,250
    (alarm, *_) = detector.update(errors(4, 1_000, 0.4)).tolist()
    assert 500 < alarm < 800


def test_what_is_no_detector_is_refused() -> None:
    with pytest.raises(UsageError, match="no drift detector 'guess'; there are stepd, seed"):
        make_detector("guess")
    with pytest.raises(UsageError, match=r"drift detector seed: .*wide"):
        make_detector("seed", wide=3)
