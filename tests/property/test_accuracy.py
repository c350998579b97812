"""Rolling accuracy equals a batch computation over all labels known at that moment."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.monitor import track_accuracy
from streamsim.consumers.monitor.accuracy import AccuracyTracker
from streamsim.consumers.monitor.accuracy_threshold import AccuracyThreshold, Change
from streamsim.streams.errors import UsageError
from streamsim.streams.statistics.quality import METRICS
from tests.property.examples import examples

Row = tuple[str, int, float]
IDS = st.sampled_from([f"e{i}" for i in range(12)])
TIMES = st.integers(0, 40)
VALUES = st.sampled_from([0.0, 1.0])
ROWS = st.lists(st.tuples(IDS, TIMES, VALUES), max_size=40)
HAPPENED = st.lists(TIMES, min_size=12, max_size=12)


@st.composite
def predictions(draw: st.DrawFn) -> list[Row]:
    """Draw predictions; a repeat says when its event happened, as the first one did."""
    times = draw(HAPPENED)
    drawn = draw(ROWS)
    return [(event_id, times[int(event_id[1:])], value) for event_id, _, value in drawn]


SAID, TRUE = ["event_id", "event_time", "prediction"], ["event_id", "known_at", "label"]


def naive(
    said: Sequence[Row], true: Sequence[Row], at: int, span: int | None, count: int | None
) -> tuple[list[float], list[float]]:
    first: dict[str, tuple[int, float]] = {}
    for event_id, time, value in said:
        if time <= at:
            first.setdefault(event_id, (time, value))
    last: dict[str, tuple[int, float]] = {}
    for event_id, known, value in sorted(true, key=lambda row: row[1]):
        if known <= at and known > last.get(event_id, (-1, 0.0))[0]:
            last[event_id] = known, value
    both = sorted(((first[i][0], i), first[i][1], last[i][1]) for i in first if i in last)
    if span is not None and both:
        both = [row for row in both if row[0][0] > both[-1][0][0] - span]
    if count is not None:
        both = both[-count:]
    return [p for _, p, _ in both], [v for _, _, v in both]


@examples(2)
@given(predictions(), ROWS, st.integers(1, 15), st.booleans())
def test_every_state_is_that_of_a_batch(
    said: list[Row], true: list[Row], size: int, by_count: bool
) -> None:
    window = size if by_count else pd.Timedelta(milliseconds=size)
    frames = pd.DataFrame(said, columns=SAID), pd.DataFrame(true, columns=TRUE)
    states = list(track_accuracy(*frames, window, 0.5, min_samples=1))
    assert [state.at for state in states] == sorted({known for _, known, _ in true})
    for state in states:
        span, count = (None, size) if by_count else (size, None)
        predicted, labels = naive(said, true, state.at, span, count)
        assert state.samples == len(labels)
        expected = np.equal(predicted, labels).mean() if labels else math.nan
        assert state.value == pytest.approx(expected, nan_ok=True)


@examples(1)
@given(predictions(), ROWS, st.floats(0, 1), st.floats(0, 0.3), st.integers(1, 6))
def test_an_alert_is_raised_and_resolved_in_turn_and_for_a_reason(
    said: list[Row], true: list[Row], threshold: float, margin: float, least: int
) -> None:
    frames = pd.DataFrame(said, columns=SAID), pd.DataFrame(true, columns=TRUE)
    states = list(track_accuracy(*frames, 6, threshold, margin=margin, min_samples=least))
    changes = [state.change for state in states if state.change is not None]
    assert changes == [Change.RAISED, Change.RESOLVED] * (len(changes) // 2) + (
        [Change.RAISED] if len(changes) % 2 else []
    )
    for state in states:
        if state.change is not None:
            assert state.samples >= least
            assert (state.change is Change.RAISED) == (state.value < threshold)
            assert state.change is Change.RAISED or state.value >= threshold + margin


def test_errors_are_low_when_they_are_high() -> None:
    said = pd.DataFrame([(f"e{i}", i, 10.0) for i in range(60)], columns=SAID)
    true = pd.DataFrame(
        [(f"e{i}", i, 10.0 + (5 if 20 <= i < 40 else 0)) for i in range(60)], columns=TRUE
    )
    states = track_accuracy(said, true, 10, 2.0, metric="mae", min_samples=10, margin=1.0)
    changes = [(state.at, state.change) for state in states if state.change]
    assert changes == [(24, Change.RAISED), (47, Change.RESOLVED)]


def test_what_never_gets_a_label_is_forgotten() -> None:
    tracker = AccuracyTracker(AccuracyThreshold(0.5), METRICS["accuracy"], count=5, patience=100)
    for i in range(1_000):
        tracker.predict(f"e{i}", i, 1.0)
        if i % 10 == 0:
            tracker.label(f"e{i}", i, 1.0)
            tracker.label(f"unknown{i}", i, 1.0)
            assert tracker.state().value == 1.0
    assert len(tracker._predicted) + len(tracker._early) < 130


@pytest.mark.parametrize("metric", ["average_precision", "roc_auc"])
def test_a_ranking_needs_labels_of_both_kinds(metric: str) -> None:
    said = pd.DataFrame([(f"e{i}", i, i / 10) for i in range(6)], columns=SAID)
    true = pd.DataFrame([(f"e{i}", i, float(i >= 3)) for i in range(6)], columns=TRUE)
    values = [s.value for s in track_accuracy(said, true, 6, 0.5, metric=metric, min_samples=2)]
    assert np.isnan(values).tolist() == [True] * 3 + [False] * 3
    assert values[-1] == 1.0


def test_what_makes_no_sense_is_refused() -> None:
    rows = pd.DataFrame([("e", 0, 1.0)], columns=SAID)
    with pytest.raises(UsageError, match="no column known_at, label; there are event_id"):
        list(track_accuracy(rows, rows, 5, 0.5))
    true = rows.set_axis(TRUE, axis=1)
    with pytest.raises(UsageError, match="no metric 'luck'"):
        list(track_accuracy(rows, true, 5, 0.5, metric="luck"))
    with pytest.raises(UsageError, match="not a span of time: 'a while'"):
        list(track_accuracy(rows, true, "a while", 0.5))
    with pytest.raises(UsageError, match="above 0"):
        list(track_accuracy(rows, true, 0, 0.5))
