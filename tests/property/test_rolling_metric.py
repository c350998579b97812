"""The stream's rolling metric equals `track_accuracy` over the same scores and labels."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.monitor.accuracy import track_accuracy
from streamsim.consumers.monitor.label_join import LabelJoin
from streamsim.consumers.monitor.labelled_scores import MICRO, read_labelled
from streamsim.consumers.monitor.rolling_metric import RollingMetric
from streamsim.consumers.predict.plans import Answering
from streamsim.consumers.state.store import Parts
from streamsim.streams.domains.finance import SPEC as FINANCE
from streamsim.streams.events import NO_TIME, Events, as_objects
from streamsim.streams.spec import Accuracy, DomainSpec
from tests.property.chained import signature
from tests.snapshots import restored

STEP, SPAN, DELAY, PARTITIONS = 10, 40, 15, 2
SPEC: DomainSpec = replace(
    FINANCE,
    partitions=PARTITIONS,
    alerting=replace(FINANCE.alerting, accuracy=Accuracy("mae", 0.4, 0.05, 3, SPAN, STEP)),
    inputs=replace(FINANCE.inputs, heartbeat=5),
    labels=replace(FINANCE.labels, delay=DELAY, field="amount_cents"),
)
ANSWERING = Answering((signature(SPEC),))
SCORED = st.tuples(
    st.integers(0, PARTITIONS - 1), st.integers(0, 120), st.sampled_from([0.0, 0.25, 0.5, 1.0])
)
LABEL = st.tuples(st.integers(0, 19), st.integers(0, 20), st.integers(0, 1))
"""About which event, how long after it, what was true."""


def scored(rows: list[tuple[int, int, int, float]]) -> Events:
    partition, row, time, _ = (np.array(c) for c in zip(*rows, strict=True))
    ids = as_objects(f"e{i}" for i in row.tolist())
    n = len(rows)
    nothing = np.full(n, NO_TIME)
    return Events("transactions", partition, row, time, time, nothing, ids, ids, {})


def labels(rows: list[tuple[int, int, int, int]]) -> Events:
    partition, row, known, value = (np.array(c) for c in zip(*rows, strict=True))
    about = as_objects(f"e{i}" for i in row.tolist())
    nothing = np.full(len(rows), NO_TIME)
    columns = {"transaction_id": about, "amount_cents": value}
    return Events("chargebacks", partition, row, known, known, nothing, about, about, columns)


@given(
    st.lists(SCORED, min_size=1, max_size=20),
    st.lists(LABEL, max_size=30),
    st.lists(st.integers(1, 150), max_size=6),
    st.randoms(use_true_random=False),
)
def test_every_state_is_that_of_a_batch(
    events: list[tuple[int, int, float]],
    about: list[tuple[int, int, int]],
    stops: list[int],
    draw: object,
) -> None:
    """Labels late, doubled, corrected and missing; buckets published at any moments."""
    rows = [(p, i, t, s) for i, (p, t, s) in enumerate(events)]
    known = [
        (rows[i][0], i, rows[i][2] + later, value) for i, later, value in about if i < len(rows)
    ]
    draw.shuffle(known)  # type: ignore[attr-defined]
    joined, rolling, states = LabelJoin(SPEC), RollingMetric(SPEC), []
    waiting_rows, waiting_labels = list(rows), list(known)
    for stop in [*sorted(stops), 1000]:
        now = [r for r in waiting_rows if r[2] < stop]
        waiting_rows = [r for r in waiting_rows if r[2] >= stop]
        if now:
            joined.scored(scored(now), np.array([r[3] for r in now]), ANSWERING)
        # A label may come before its score; all that are known by then have come.
        now_known = [r for r in waiting_labels if r[2] < stop + DELAY + 1 or r[1] % 3 == 0]
        waiting_labels = [r for r in waiting_labels if r not in now_known]
        if now_known:
            told = labels(now_known)
            joined.labelled(told, told.event_time)
        for record in joined.close(np.full(PARTITIONS, stop)):
            assert record.value is not None
            states += rolling.apply(record.value)
            assert rolling.apply(record.value) == []  # a repeat says nothing new
        if stop % 2:
            latest = list(rolling.states)
            rolling = restored(RollingMetric(SPEC), rolling)
            assert repr(list(rolling.states)) == repr(latest)  # not all numbers equal themselves
    assert [(s.at, s.samples, _plain(s.value), s.change) for s in states] == _batch(rows, known)


def _batch(
    rows: list[tuple[int, int, int, float]], known: list[tuple[int, int, int, int]]
) -> list[tuple[int, int, float | None, object]]:
    """Compute each window by `track_accuracy`, from tables."""
    truth = {i: 0 for _, i, _, _ in rows}
    for _, i, at, value in sorted(known, key=lambda r: r[2]):
        if at <= rows[i][2] + DELAY:
            same = [v for _, j, a, v in known if (j, a) == (i, at)]
            truth[i] = value if len(set(same)) == 1 else same[-1]
    found: list[tuple[int, int, float | None, object]] = []
    low = False
    first = min(t for _, _, t, _ in rows) // STEP * STEP + STEP
    for end in range(first, 1000 + 1, STEP):
        inside = [(i, t, s) for _, i, t, s in rows if end - SPAN <= t < end]
        if not inside:
            if found[-1][1]:  # of a long silence it is told once
                found.append((end, 0, None, None))
            continue
        said = pd.DataFrame(inside, columns=["event_id", "event_time", "prediction"])
        true = pd.DataFrame({"event_id": said["event_id"], "known_at": end})
        true["label"] = [truth[i] for i in said["event_id"]]
        (state,) = track_accuracy(
            said, true, len(inside), 0.4, metric="mae", margin=0.05, min_samples=3, was_low=low
        )
        low = state.is_low
        found.append((end, state.samples, _plain(state.value), state.change))
    return found


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 9)


def test_what_waits_survives_being_written_down() -> None:
    joined = LabelJoin(SPEC)
    joined.scored(scored([(0, 0, 5, 0.5), (0, 1, 25, 1.0)]), np.array([0.5, 1.0]), ANSWERING)
    told = labels([(0, 1, 30, 1)])
    joined.labelled(told, told.event_time)
    joined.close(np.array([10, NO_TIME]))
    again = LabelJoin(SPEC)
    again.restore(0, Parts([joined.snapshot(0)]))
    (record,) = again.close(np.array([50, NO_TIME]))
    assert record.value is not None
    told = read_labelled(record.value)
    assert (told.partition, told.since, told.until) == (0, 10, 50)
    assert [c.tolist() for c in told.columns[:3]] == [[25], [MICRO], [1]]


def test_a_clock_that_leaps_by_centuries_costs_no_step_of_them() -> None:
    """A silence has one state; the next one is where events come again."""
    joined, rolling = LabelJoin(SPEC), RollingMetric(SPEC)
    far = STEP * 10**12
    joined.scored(scored([(0, 0, 5, 0.5), (1, 1, far + 5, 1.0)]), np.array([0.5, 1.0]), ANSWERING)
    states = []
    for record in joined.close(np.full(PARTITIONS, far + 2 * STEP)):
        assert record.value is not None
        states += rolling.apply(record.value)
    assert [s.at for s in states if s.samples][-1] == far + 2 * STEP
    assert [(s.at, s.samples) for s in states[:6]] == [
        (10, 1), (20, 1), (30, 1), (40, 1), (50, 0), (far + 10, 1),
    ]  # fmt: skip
