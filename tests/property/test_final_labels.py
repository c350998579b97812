"""Labels of kept scores are those of the workers' label join, however late or often they came."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.monitor.label_join import LabelJoin, fingerprint
from streamsim.consumers.monitor.labelled_scores import read_labelled
from streamsim.consumers.predict.plans import Answering
from streamsim.simulator.run.adapting.final_labels import FinalLabels
from streamsim.streams.domains.finance import SPEC
from streamsim.streams.events import Events, Ints, as_objects
from streamsim.streams.spec import Labels
from tests.logged import signature_of

DELAY, STEP = 20, 5


def events(ids: list[int], times: list[int], values: list[int]) -> Events:
    n, zeros = len(ids), np.zeros(len(ids), np.int64)
    time = np.array(times, np.int64)
    names = as_objects(map(str, ids))
    columns = {"about": names, "value": np.array(values, np.int64)}
    return Events(
        "s", zeros, np.arange(n), time, time, time, names, as_objects(["e"] * n), columns
    )  # fmt: skip


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 13), st.integers(0, 90), st.integers(0, 3)), max_size=30),
    st.integers(0, 20),
    st.sampled_from([None, 0]),
)
def test_they_are_those_of_the_label_join(
    times: list[int], labels: list[tuple[int, int, int]], bucket: int, unlabelled: int | None
) -> None:
    accuracy = replace(SPEC.alerting.accuracy, step=STEP, segment=None)
    spec = replace(
        SPEC,
        partitions=1,
        labels=Labels("about", DELAY, "value", unlabelled),
        alerting=replace(SPEC.alerting, accuracy=accuracy),
    )
    end = bucket * STEP
    # A label is never older than its event.
    known = [(i, max(at, times[i] if i < len(times) else 0), value) for i, at, value in labels]
    known.sort(key=lambda label: label[1])
    ids = list(range(len(times)))
    join = LabelJoin(spec)
    answering = Answering((signature_of(SPEC),))
    join.scored(events(ids, times, ids), np.zeros(len(ids)), answering)
    told = events(*map(list, zip(*known, strict=True))) if known else events([], [], [])
    join.labelled(told, told.event_time)
    expected: list[tuple[int, int]] = []
    for record in join.close(np.array([end])):
        told_of = read_labelled(record.value)
        expected += zip(told_of.time.tolist(), told_of.label.tolist(), strict=True)

    found = FinalLabels(fingerprint(as_objects(map(str, ids))), np.array(times), DELAY, end + DELAY)
    about: Ints = fingerprint(told.strings("about"))
    for piece in np.array_split(np.arange(len(told)), 3):
        found.take(about[piece], told.event_time[piece], told.integers("value")[piece])
    values, final = found.values(-1 if unlabelled is None else unlabelled)
    sure = final & (values >= 0)
    assert sorted(zip(np.array(times)[sure].tolist(), values[sure].tolist(), strict=True)) == (
        sorted(expected)
    )
