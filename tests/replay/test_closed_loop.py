"""The closed loop of one domain, one seed, three runs in process."""

from __future__ import annotations

import numpy as np
import pytest

from streamsim.benchmarks.closed_loop.kept_rows import KeptRows
from streamsim.benchmarks.closed_loop.loop_figures import figures_of
from streamsim.benchmarks.closed_loop.loop_worlds import WORLDS, LoopWorld
from streamsim.benchmarks.loop import records_of, three_runs
from streamsim.models.registry import Registry
from streamsim.simulator.in_process import InProcess
from streamsim.simulator.run.adapting.logged_rows import Wanted
from streamsim.simulator.testing.replay import champion
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.spec import DAY
from tests.logged import signature_of

SEED = 4_101


def test_rows_are_kept_with_the_labels_that_were_known_by_a_time() -> None:
    spec = load_domain("finance")
    rows = KeptRows(spec)
    domain = InProcess(spec, lambda own: np.zeros(len(own)), signature_of(spec), watch=rows.take)
    days = 16
    for piece in records_of(spec, LoopWorld(days, 2, 1, {"cards": 60, "fraud": 5}), SEED):
        rows.take_records(piece)
        domain.push(piece)
    since = spec.world.epoch + 2 * DAY
    until = spec.world.epoch + 9 * DAY
    data, segments = rows.wanted(Wanted(since, until, until + spec.labels.delay, 1 << 30))
    assert len(data.times) == len(segments) > 300
    assert data.labels.sum() > 5
    assert (np.diff(data.times) >= 0).all()
    assert since <= data.times[0] <= data.times[-1] < until
    # Earlier, fewer events have a label that can no longer change.
    early, _ = rows.wanted(Wanted(since, until, until, 1 << 30))
    assert len(early.times) == (data.times < until - spec.labels.delay).sum()
    gone = ((since, since + DAY),)
    less, _ = rows.wanted(Wanted(since, until, until + spec.labels.delay, 1 << 30, gone))
    assert len(less.times) == (data.times >= since + DAY).sum()


@pytest.mark.slow
@pytest.mark.nightly
def test_a_model_follows_its_world_and_leaves_one_alone_that_does_not_change(
    registry: Registry,
) -> None:
    spec, world = load_domain("finance"), WORLDS["finance"]
    told = three_runs(spec, champion(spec), world, SEED)
    own = figures_of(spec, world, *told.values())
    margin = spec.alerting.accuracy.margin
    assert own.promoted > own.detected > 0
    assert own.is_back(margin), own
    assert own.stays_down(margin), own
    assert own.recovery > 0.8, own
    assert own.false_promotions == 0, own
    # Each event is scored in either run, and its label is the same: only the scores differ.
    for name in ("times", "labels"):
        same = (getattr(told[run], name) for run in ("looped", "control"))
        assert np.array_equal(*same), name
