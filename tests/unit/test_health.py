"""Health at a moment: what is known by then, over all and per segment."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from streamsim.consumers.monitor.labelled_scores import LabelledScores
from streamsim.consumers.monitor.prequential.bands import band
from streamsim.consumers.monitor.prequential.health import health_at
from streamsim.consumers.monitor.prequential.prequential_windows import (
    NO_ROWS,
    Rows,
    Window,
    rows_of,
    shadow_rows,
)
from streamsim.consumers.monitor.prequential.segment_figures import worst_segment
from streamsim.streams.errors import UsageError

HOUR = 3_600_000
DAY = Window("time", 24 * HOUR)
BAD = 3


def rows(n: int = 4_000, *, bad: int | None = None, seed: int = 0, segments: int = 6) -> Rows:
    """A day of scores that are true chances, but in one segment, where labels are drawn at random.

    One row in ten never got a label.
    """
    draw = np.random.default_rng(seed)
    chance = draw.beta(0.6, 3, n)
    segment = draw.integers(0, segments, n)
    true = np.where(segment == bad, chance.mean(), chance)
    label = (draw.random(n) < true).astype(np.int64)
    label[draw.random(n) < 0.1] = -1
    time = np.sort(draw.integers(0, 24 * HOUR, n))
    return Rows(time, np.round(chance * 1e6).astype(np.int64), label, np.zeros(n, int), segment)


def test_rows_that_were_never_labelled_are_counted_and_not_scored() -> None:
    own = rows()
    known = own.take(own.labelled)
    with_, without = (health_at(24 * HOUR, "roc_auc", r, DAY) for r in (own, known))
    assert with_.figure == without.figure == band("roc_auc", known.predictions, known.labels)
    assert with_.samples == without.samples == len(known)
    assert (with_.unlabelled, without.unlabelled) == (len(own) - len(known), 0)
    assert sum(s.unlabelled for s in with_.segments) == with_.unlabelled
    assert sum(s.samples for s in with_.segments) == with_.samples


def test_scores_without_a_label_may_be_counted_apart() -> None:
    own = rows()
    apart = own.take(own.labelled)
    found = health_at(24 * HOUR, "brier", apart, DAY, unlabelled=400)
    assert (found.unlabelled, found.samples) == (400, len(apart))


def test_a_published_bucket_is_read_for_the_champion_and_for_its_shadow() -> None:
    columns = ([5, 3, 4], [1, 2, 3], [0, 1, 1], [7, 7, 8], [-1, 20, 30], [1, 1, 2])
    bucket = LabelledScores(0, 0, 9, 2, ("a",), *(np.array(column) for column in columns))
    assert [c.tolist() for c in rows_of(bucket).columns] == [
        [3, 4, 5], [2, 3, 1], [1, 1, 0], [7, 8, 7], [1, 2, 1],
    ]  # fmt: skip
    assert [c.tolist() for c in shadow_rows(bucket).columns] == [
        [3, 4], [20, 30], [1, 1], [7, 8], [1, 2],
    ]  # fmt: skip


def test_what_comes_later_changes_nothing() -> None:
    own = rows()
    at = 12 * HOUR
    early = own.take(own.time < at)
    for window in (DAY, Window("count", 500), Window("fading", HOUR)):
        assert health_at(at, "brier", own, window) == health_at(at, "brier", early, window)


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "log_loss", "brier"])
def test_the_segment_in_which_the_model_fails_is_named(metric: str) -> None:
    found = health_at(24 * HOUR, metric, rows(bad=BAD), DAY)
    assert found.worst is not None
    assert found.worst.segment == BAD
    assert found.worst.is_beyond
    assert found.worst.gap > 0
    others = [own for own in found.segments if own.segment != BAD]
    assert not any(own.is_beyond for own in others)


def test_chance_alone_seldom_puts_a_segment_beyond() -> None:
    """Twelve segments alike, forty days: at most a day in twenty, in the long run."""
    alike = (rows(3_000, seed=seed, segments=12) for seed in range(40))
    found = [health_at(24 * HOUR, "roc_auc", own, DAY) for own in alike]
    assert sum(own.worst is not None and own.worst.is_beyond for own in found) <= 4


def test_a_small_segment_is_counted_but_not_judged() -> None:
    own = rows(bad=BAD)
    few = np.cumsum(own.segment == BAD) <= 20
    found = health_at(24 * HOUR, "brier", own.take((own.segment != BAD) | few), DAY)
    small = found.segments[BAD]
    assert small.segment == BAD
    assert 0 < small.samples < 30
    assert not small.is_known
    assert not small.is_beyond
    assert found.worst is not None
    assert found.worst.segment != BAD


def test_segments_may_need_fewer_rows_than_the_whole() -> None:
    own = rows(bad=BAD)
    few = health_at(24 * HOUR, "brier", own, DAY, min_samples=2_000)
    assert few.worst is None
    more = health_at(24 * HOUR, "brier", own, DAY, min_samples=2_000, segment_samples=200)
    assert more.worst is not None
    assert more.worst.segment == BAD
    assert more.figure == few.figure


def test_an_area_needs_some_rows_of_each_label_in_a_segment() -> None:
    own = rows(bad=BAD)
    is_bad = own.segment == BAD
    rare = own.take(~is_bad | (own.label == 0) | (np.cumsum(is_bad & (own.label == 1)) < 10))
    for metric, is_known in (("average_precision", False), ("brier", True)):
        found = health_at(24 * HOUR, metric, rare, DAY)
        assert {s.segment: s.is_known for s in found.segments}[BAD] is is_known
        assert all(s.is_known for s in found.segments if s.segment != BAD)


def test_one_segment_is_no_worst_and_one_label_is_no_area() -> None:
    own = rows(segments=1)
    found = health_at(24 * HOUR, "roc_auc", own, DAY)
    assert found.worst is None
    assert [s.segment for s in found.segments] == [0]
    none = Rows(own.time, own.score, np.zeros(len(own), int), own.version, own.segment)
    lost = health_at(24 * HOUR, "roc_auc", none, DAY)
    assert not lost.is_known
    assert lost.samples == len(own)
    assert worst_segment(()) is None


def test_a_fading_window_has_fewer_effective_rows_and_hears_of_a_change_first() -> None:
    first, second = rows(), rows(bad=0, segments=1)  # the second day the scores say nothing
    later = Rows(second.time + 24 * HOUR, *second.columns[1:])
    both, at = first.joined(later), 30 * HOUR
    slow, fast = (health_at(at, "roc_auc", both, w) for w in (DAY, Window("fading", HOUR)))
    assert fast.effective < fast.samples
    assert slow.effective == slow.samples
    assert fast.figure.high < slow.figure.low


def test_it_is_written_as_json() -> None:
    found = health_at(24 * HOUR, "recall@0.3", rows(bad=BAD), DAY)
    body = json.loads(json.dumps(found.as_body({BAD: "north"})))
    assert body["window"] == {"kind": "time", "size": 24 * HOUR}
    assert body["low"] < body["value"] < body["high"]
    assert body["metric"] == "recall@0.3"
    assert body["worst"]["segment"] == "north"
    assert body["segments"][1]["segment"] == "0000000000000001"
    empty = health_at(0, "mae", NO_ROWS, DAY)
    assert (empty.as_body()["value"], empty.as_body()["worst"], empty.samples) == (None, None, 0)
    assert empty.lower_is_better
    assert math.isnan(empty.figure.value)


def test_an_unknown_metric_is_refused_also_without_rows() -> None:
    with pytest.raises(UsageError, match="no metric 'f1'"):
        health_at(0, "f1", NO_ROWS, DAY)
