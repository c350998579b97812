"""The benchmark of policies: its bookkeeping on invented rows, against a plain loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from streamsim.benchmarks import policies
from streamsim.benchmarks.policies.grid_steps import Grid
from streamsim.benchmarks.policies.hindsight import best_schedule, versions_of
from streamsim.benchmarks.policies.learnt_versions import LearntVersions, Said, Version
from streamsim.benchmarks.policies.low_metric import LowMetric
from streamsim.benchmarks.policies.on_alarm import OnAlarm
from streamsim.benchmarks.policies.played import Every, Seen, log_loss, play
from streamsim.benchmarks.policies.policy_figures import figures, lack_over_blocks, loss_table
from streamsim.benchmarks.policies.stream_rows import StreamRows, logged
from streamsim.models.adapting.gates import Judged, figure_of
from streamsim.models.labelled import Labelled
from streamsim.simulator.domain_stream import world_slices
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ModelError, UsageError
from streamsim.streams.events import as_objects
from streamsim.streams.spec import Accuracy, Adaptation
from streamsim.streams.spec import Policy as Declared
from streamsim.streams.statistics.intervals import interval
from streamsim.streams.statistics.reference_profile import Reference

STEP, LEAD, DELAY = 100, 7, 20
GRID = Grid(begin=300, step=STEP, lead=LEAD, count=6)


def rows(change: int = 600) -> StreamRows:
    """An event in each millisecond, with a label that a feature tells, until it tells the opposite.

    The label is known after 20 ms; of every fifth event after 35.
    """
    times = np.arange(0, 907)
    draw = np.random.default_rng(1)
    label = draw.integers(0, 2, len(times))
    tells = np.where(times < change, label, 1 - label)
    features = np.column_stack([tells, draw.random(len(times))]).astype(np.float32)
    entities = as_objects(f"e{i % 9}" for i in times)
    known = times + np.where(times % 5 == 0, 35, DELAY)
    return StreamRows(Labelled(features, label, times, entities, np.empty((907, 0))), known)


class Counting:
    """A version that believes the feature as far as it was right of the events that it learnt."""

    def __init__(self, stream: StreamRows, grid: Grid, *, passes: bool = True) -> None:
        self.stream, self.grid, self.passes = stream, grid, passes
        self.asked: list[tuple[Version, Version]] = []

    def share(self, version: Version) -> float:
        known = self.stream.known_before(self.grid.at(version.step), version.since)
        data = self.stream.data.take(known)
        if not len(data.labels):
            raise ModelError("nothing to learn")
        right = float((data.features[:, 0] == data.labels).mean())
        return min(max(right, 0.05), 0.95)

    def said(self, version: Version) -> Said:
        segment = self.grid.segment(self.stream.data.times)
        data = self.stream.data.take(segment >= 0)
        share = self.share(version)
        scores = np.where(data.features[:, 0] == 1, share, 1 - share)
        scores[segment[segment >= 0] < version.step] = np.nan
        return Said(scores, data.labels)

    def is_better(self, version: Version, champion: Version) -> bool:
        self.asked.append((version, champion))
        return self.passes

    def reference(self, version: Version) -> Reference:
        known = self.stream.known_before(self.grid.at(version.step), version.since)
        features = self.stream.data.features[known]
        return Reference.fit(["tells", "noise"], features, np.zeros(len(features)))


def plainly(stream: StreamRows, learns: Callable[[int], bool]) -> list[float]:
    """The losses of a schedule, event by event: who answers at its time, from what was known."""
    share, comes = 0.0, []
    losses = []
    for step in range(GRID.count):
        at = GRID.begin + step * STEP
        if step == 0 or learns(step):
            own = [
                float(f[0] == y)
                for f, y, k in zip(
                    stream.data.features, stream.data.labels, stream.known, strict=True
                )
                if k <= at
            ]
            comes.append((at + LEAD, min(max(sum(own) / len(own), 0.05), 0.95)))
    for time, feature, label in zip(
        stream.data.times, stream.data.features, stream.data.labels, strict=True
    ):
        live = [share for begin, share in comes if begin <= time]
        if live:
            share = live[-1]
            losses.append(-np.log(share if feature[0] == label else 1 - share))
    return losses


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_a_schedule_has_the_loss_of_a_plain_loop(k: int) -> None:
    stream = rows()
    found = play(Every(k), stream, GRID, Counting(stream, GRID))
    assert len(found.learnt) == found.taken == (len(range(k, GRID.count, k)) if k else 0)
    np.testing.assert_allclose(
        log_loss(found.scores, found.truth),
        plainly(stream, lambda step: bool(k) and step % k == 0),
        rtol=1e-9,
    )


def test_hindsight_is_never_worse_than_any_schedule_of_its_grid() -> None:
    stream = rows()
    versions = Counting(stream, GRID)
    losses = loss_table(stream, GRID, versions)
    by_number: dict[int, float] = {}
    for count in range(GRID.count):
        for times in combinations(range(1, GRID.count), count):
            live = versions_of((0, *times), GRID.count)
            total = sum(losses[version, step] for step, version in enumerate(live))
            by_number[count] = min(total, by_number.get(count, np.inf))
    for most in range(GRID.count):
        best = best_schedule(losses, most)
        own = sum(losses[v, step] for step, v in enumerate(versions_of(best, GRID.count)))
        assert own == pytest.approx(min(by_number[n] for n in range(most + 1)))
        assert len(best) - 1 <= most
    assert best_schedule(losses) == best_schedule(losses, GRID.count - 1)


@pytest.mark.parametrize("seed", range(5))
def test_hindsight_finds_the_least_of_any_losses(seed: int) -> None:
    losses = np.random.default_rng(seed).random((7, 7))
    best = best_schedule(losses)
    own = sum(losses[v, step] for step, v in enumerate(versions_of(best, 7)))
    for count in range(7):
        for times in combinations(range(1, 7), count):
            live = versions_of((0, *times), 7)
            assert own <= sum(losses[v, step] for step, v in enumerate(live)) + 1e-12


def test_figures_are_paired_with_the_best_in_hindsight() -> None:
    stream = rows()
    versions = Counting(stream, GRID)
    played = {f"every {k}": play(Every(k), stream, GRID, versions) for k in (0, 1, 2)}
    losses = loss_table(stream, GRID, versions)
    found = figures("roc_auc", played, losses, stream, GRID, versions)
    assert [own.name for own in found] == ["every 0", "every 1", "every 2", "best in hindsight"]
    best = found[-1]
    for own in found:
        assert own.regret.value == pytest.approx(own.loss.value - best.loss.value)
        assert own.regret.value >= own.regret_as_often.value >= -1e-12
        assert own.loss.low <= own.loss.value <= own.loss.high
    assert best.regret == replace(best.regret, value=0.0, low=0.0, high=0.0)
    assert found[0].loss.value == pytest.approx(
        np.mean(plainly(stream, lambda step: False)), rel=1e-9
    )


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "hit_rate"])
def test_a_metric_over_blocks_is_that_of_its_rows(metric: str) -> None:
    draw = np.random.default_rng(4)
    scores, block = draw.random(600).round(2), np.repeat(np.arange(6), 100)
    truth = (draw.random(600) < scores).astype(np.int64)
    found = lack_over_blocks(metric, scores, truth, block)
    rows = figure_of(metric, Judged(scores, truth, np.empty((600, 0))))
    whole = interval(rows, block, draws=400)
    assert found.value == pytest.approx(1 - whole.value)
    assert (found.low, found.high) == pytest.approx((1 - whole.high, 1 - whole.low))


class Spy:
    """Learns at one time, and notes what it may see."""

    def __init__(self, at: int) -> None:
        self.at, self.seen, self.heard = at, list[Seen](), list[tuple[bool, int]]()

    def wants(self, seen: Seen) -> Version | None:
        self.seen.append(seen)
        return Version(seen.step) if seen.step == self.at else None

    def answers(self, passed: Version) -> Version:
        return passed

    def ended(self, seen: Seen, taken: bool, live_from: int) -> None:
        self.heard.append((taken, live_from))


def test_a_policy_sees_labels_once_each_when_they_are_known_and_only_of_the_live_version() -> None:
    stream, spy = rows(), Spy(3)
    play(spy, stream, GRID, Counting(stream, GRID))
    for seen in spy.seen:
        before = GRID.at(seen.step - 1)
        assert ((seen.known > before) & (seen.known <= seen.at)).all()
        assert (np.diff(seen.known) >= 0).all()
        assert (seen.times >= seen.live_from).all()
        assert not np.isnan(seen.scores).any()
        assert len(seen.labels) == (stream.known <= seen.at).sum()
        assert len(seen.arrived) == STEP
    assert spy.heard == [(True, GRID.at(3) + LEAD)]
    assert [seen.live for seen in spy.seen] == [Version(0)] * 3 + [Version(3)] * 2
    assert spy.seen[0].times.min() == GRID.begin + LEAD
    assert spy.seen[3].times.min() == GRID.at(3) + LEAD


def alarm(versions: Counting, **options: bool) -> OnAlarm:
    declared = Declared(cooldown=0, budget=100, least_rows=10, least_positives=1)
    return OnAlarm(declared, DELAY, versions, **options)


def test_it_learns_after_a_change_and_never_without_one() -> None:
    grid = Grid(begin=2_000, step=1_000, lead=50, count=6)
    for change, expected in ((4_500, True), (99_999, False)):
        stream = long_rows(change, 8_050)
        versions = Counting(stream, grid)
        found = play(alarm(versions, errors=True), stream, grid, versions)
        assert bool(found.learnt) is expected
        if expected:
            assert found.learnt[0] == 3
            assert found.live[2] == Version(0)
            assert found.live[3].step == 3


def long_rows(change: int, n: int, scale: float = 1.0) -> StreamRows:
    """A feature that tells nine in ten labels, until it tells one; noise that grows by a factor."""
    draw, times = np.random.default_rng(2), np.arange(n)
    label = draw.integers(0, 2, n)
    right = (draw.random(n) < 0.9) == (times < change)
    noise = draw.random(n) * np.where(times < change, 1.0, scale)
    features = np.column_stack([np.where(right, label, 1 - label), noise]).astype(np.float32)
    entities = as_objects(f"e{i % 9}" for i in times)
    return StreamRows(Labelled(features, label, times, entities, np.empty((n, 0))), times + DELAY)


def test_features_alarm_once_until_another_version_answers_or_is_refused() -> None:
    grid = Grid(begin=2_000, step=1_000, lead=50, count=6)
    stream = long_rows(4_500, 8_050, scale=5.0)
    versions = Counting(stream, grid)
    found = play(alarm(versions, features=True), stream, grid, versions)
    assert found.learnt[0] == 3
    refused = Counting(stream, grid, passes=False)
    found = play(alarm(refused, features=True, gated=True), stream, grid, refused)
    assert found.taken == 0
    assert set(found.live) == {Version(0)}
    assert found.learnt == (3, 4, 5)
    assert all(champion == Version(0) for _, champion in refused.asked)
    assert all(version.held for version, _ in refused.asked)


def test_a_low_metric_alarms_at_the_second_bad_step_and_again_after_seven() -> None:
    declared = Accuracy("accuracy@0.5", 0.5, 0.05, min_samples=50, span=400, step=100)
    watch = LowMetric(declared, delay=20)
    times = np.arange(3_000)
    right = np.where(times < 2_000, times % 10 > 0, times % 2 > 0)
    scores, truth = np.where(right, 0.9, 0.1), np.ones(3_000, np.int64)
    assert watch.take(1_999, times[:1_980], scores[:1_980], truth[:1_980]) == []
    told = watch.take(3_000, times[1_980:], scores[1_980:], truth[1_980:])
    assert [(at, since) for at, since, _ in told] == [(2_220, 2_120), (2_920, 2_120)]
    assert told[0][2] == "accuracy@0.5 0.700, usually 0.900"
    cut = LowMetric(declared, delay=20)
    halves = [cut.take(b - 1 + 20, *(x[a:b] for x in (times, scores, truth)))
              for a, b in ((0, 1_500), (1_500, 2_250), (2_250, 3_000))]  # fmt: skip
    assert [one for half in halves for one in half][:1] == told[:1]


def test_it_learns_when_the_metric_is_low() -> None:
    grid = Grid(begin=2_000, step=1_000, lead=50, count=6)
    declared = Accuracy("accuracy@0.5", 0.5, 0.05, min_samples=50, span=400, step=100)
    for change, expected in ((4_500, 3), (99_999, None)):
        stream = long_rows(change, 8_050)
        versions = Counting(stream, grid)
        policy = OnAlarm(
            Declared(cooldown=0, budget=100, least_rows=10, least_positives=1),
            DELAY, versions, metric=declared,
        )  # fmt: skip
        found = play(policy, stream, grid, versions)
        assert next(iter(found.learnt), None) == expected


def test_what_passes_the_gates_answers_as_it_was_judged_or_learns_the_rest_too() -> None:
    grid = Grid(begin=2_000, step=1_000, lead=50, count=6)
    stream = long_rows(4_500, 8_050)
    for again in (False, True):
        versions = Counting(stream, grid)
        policy = alarm(versions, errors=True, gated=True, again=again)
        found = play(policy, stream, grid, versions)
        assert found.live[-1].held is not again
        assert found.taken >= 1


def test_a_version_that_cannot_be_learnt_leaves_the_champion() -> None:
    class Empty(Counting):
        def said(self, version: Version) -> Said:
            if version.step:
                raise ModelError("nothing to learn")
            return super().said(version)

    stream = rows()
    found = play(Every(2), stream, GRID, Empty(stream, GRID))
    assert (found.learnt, found.taken) == ((2, 4), 0)
    assert set(found.live) == {Version(0)}


def test_rows_are_in_order_and_no_label_comes_before_its_event() -> None:
    good = rows()
    with pytest.raises(UsageError, match="in order of time"):
        StreamRows(good.data.take(np.arange(906, -1, -1)), good.known[::-1])
    with pytest.raises(UsageError, match="no label known before its event"):
        StreamRows(good.data, good.data.times - 1)
    with pytest.raises(UsageError, match="the stream ends before the first model answers"):
        Grid.over(good.data.times, 900, 10, 10)


@pytest.fixture
def small() -> StreamRows:
    spec = load_domain("finance")
    return logged(spec, world_slices(spec, 3, {"cards": 60.0, "terminals": 60.0, "fraud": 8.0}, 40))


@pytest.mark.long
def test_a_domain_is_compared_over_its_own_pipeline(
    small: StreamRows, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small world; labels are used a week after their events, as in a run."""
    spec = load_domain("finance")
    assert (small.known - small.data.times == spec.labels.delay).all()
    assert 0 < small.data.labels.mean() < 0.3
    monkeypatch.setattr(policies, "streams", lambda *_: [("small", small, 20.0)])
    monkeypatch.setattr(policies, "policies", lambda *_: {"never": Every(0), "always": Every(1)})
    found = policies.run(policies.Options(domain="finance", step=5, lead=0.5))
    (own,) = found["streams"].values()
    assert own["steps"] == 3
    assert own["policies"]["always"]["learnings"] == 2
    assert own["policies"]["never"]["regret"]["value"] >= 0
    assert own["policies"]["best in hindsight"]["regret"]["value"] == 0
    assert "regret, as often" in capsys.readouterr().out
    grid = policies.grid_of(spec, small, policies.Options(step=5, lead=0.5), 20.0)
    versions = LearntVersions(spec, small, grid, Adaptation())
    assert versions.said(Version(1)).scores[0] != versions.said(Version(1)).scores[0]
    # No event is left on which the champion, which has learnt them all, can be judged.
    assert not versions.is_better(Version(1, held=True), Version(1))
    assert len(versions.reference(Version(0)).columns) == len(spec.features.vector.names) + 1


def test_a_world_that_does_not_change_needs_a_file() -> None:
    spec = load_domain("finance")
    still = replace(spec, world=replace(spec.world, options={}, demo={}))
    with pytest.raises(UsageError, match="does not change: --data takes a file of it"):
        list(policies.streams(still, policies.Options()))
    with pytest.raises(UsageError, match="--seeds takes numbers with commas"):
        list(policies.streams(spec, policies.Options(seeds="one")))
