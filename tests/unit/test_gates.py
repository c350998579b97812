"""Each gate is passed by what is better, and by nothing that is worse beyond its bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamsim.models.adapting.gate_verdict import Verdict, judge, table
from streamsim.models.adapting.gates import (
    Judged,
    estimates_hold,
    figure_of,
    has_brier,
    has_signature,
    is_as_fast,
    is_as_small,
    is_better,
    is_calibrated,
    loads,
    worst_segment,
)
from streamsim.streams.domains.finance import SPEC
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints, as_objects
from streamsim.streams.spec.adapting import Margins
from tests.logged import signature_of

N = 2_000
RANDOM = np.random.default_rng(3)
TRUTH = (RANDOM.random(N) < 0.2).astype(np.int64)
ENTITIES = as_objects(f"e{own}" for own in RANDOM.integers(400, size=N))
NONE = np.empty((N, 0))


def said(sharpness: float, truth: Ints = TRUTH, seed: int = 5) -> Judged:
    noise = np.random.default_rng(seed).normal(size=len(truth))
    odds = sharpness * (truth - 0.5) + noise - 1.4
    return Judged(1 / (1 + np.exp(-odds)), truth, NONE[: len(truth)])


@pytest.mark.parametrize("metric", ["average_precision", "roc_auc"])
def test_better_is_better_by_the_margin_and_not_by_chance(metric: str) -> None:
    good, poor = said(3.0), said(1.0, seed=6)
    assert is_better(metric, good, poor, ENTITIES, 0.01).passed
    assert not is_better(metric, poor, good, ENTITIES, 0.01).passed
    assert not is_better(metric, good, good, ENTITIES, 0.0).passed
    wide = is_better(metric, good, poor, ENTITIES, 0.9)
    assert not wide.passed
    assert wide.value is not None
    assert wide.value > 0.05
    few = np.arange(60)
    small = [Judged(own.scores[few], own.truth[few], NONE[few]) for own in (said(1.2), poor)]
    assert not is_better(metric, small[0], small[1], ENTITIES[few], 0.0).passed


def test_twins_are_seldom_better_by_chance() -> None:
    passed = [
        is_better(
            "roc_auc", said(1.0, TRUTH[:400], s), said(1.0, TRUTH[:400], s + 500),
            ENTITIES[:400], 0.0,
        ).passed
        for s in range(20)
    ]  # fmt: skip
    assert sum(passed) <= 3  # of one in forty on average


def test_a_slate_is_judged_by_its_hits() -> None:
    hits = np.zeros(N, np.int64)
    many, few = hits.copy(), hits.copy()
    many[:600], few[:400] = 1, 1
    gate = is_better("hit_rate", said(1.0, many), said(1.0, few), ENTITIES, 0.05)
    assert gate.passed
    assert gate.value == pytest.approx(0.1)
    with pytest.raises(UsageError, match="no metric 'accuracy'"):
        figure_of("accuracy", said(1.0))


def test_of_one_class_nothing_is_better() -> None:
    none = np.zeros(N, np.int64)
    gate = is_better("roc_auc", said(1.0, none), said(1.0, none), ENTITIES, 0.0)
    assert (gate.passed, gate.value) == (False, None)
    assert gate.text == "roc_auc: too few events of one class"


def test_calibration_may_be_worse_within_its_bound() -> None:
    share = np.full(N, TRUTH.mean())
    level, off = Judged(share, TRUTH, NONE), Judged(share + 0.05, TRUTH, NONE)
    for gate in (is_calibrated, has_brier):
        assert gate(level, off, 0.0).passed
        loss = gate(off, level, 0.0).value
        assert loss is not None
        assert loss > 0.002
        assert gate(off, level, loss + 1e-5).passed
        assert not gate(off, level, loss - 1e-5).passed


def worse_in(segment: str, segments: list[str], share: float) -> tuple[Judged, Judged]:
    """Two models that are alike but in one segment, of a share of which the first is wrong."""
    before = said(3.0)
    scores: Floats = before.scores.copy()
    there = np.flatnonzero(np.array(segments) == segment)
    wrong = there[: int(len(there) * share)]
    scores[wrong] = 1 - scores[wrong]
    return Judged(scores, TRUTH, NONE), before


def test_the_worst_segment_decides_if_it_is_large_and_worse_beyond_chance() -> None:
    segments = ["north"] * 1_000 + ["south"] * 700 + ["inn"] * 200 + [""] * 100
    names, margins = as_objects(segments), Margins(segment=0.05, segment_rows=300)

    def gate(segment: str, share: float) -> tuple[bool, str]:
        own, before = worse_in(segment, segments, share)
        found = worst_segment("roc_auc", own, before, ENTITIES, names, margins)
        return found.passed, found.text

    passed, text = gate("south", 0.5)
    assert not passed
    assert text.startswith("worst of 2 segments: south, roc_auc -")
    assert text.endswith("not by chance: south")
    assert gate("south", 0.01)[0]
    assert gate("inn", 0.9)[0]
    assert gate("", 1.0)[0]
    none = worst_segment("roc_auc", said(1.0), said(1.0), ENTITIES, names[-1:].repeat(N), margins)
    assert (none.passed, none.text) == (True, "no segment with enough events")


def test_estimates_may_be_worse_by_their_ratio() -> None:
    truth = np.arange(N, dtype=np.float64)[:, None]
    truth[:10] = np.nan
    own, other = (Judged(TRUTH * 1.0, TRUTH, truth + error) for error in (1.2, 1.0))
    gates = [estimates_hold(["life"], own, other, truth, most) for most in (1.3, 1.1)]
    assert [gate is not None and gate.passed for gate in gates] == [True, False]
    assert estimates_hold([], own, other, truth, 1.1) is None
    unknown = estimates_hold(["life"], own, other, np.full((N, 1), np.nan), 1.1)
    assert unknown is not None
    assert unknown.passed


def test_time_size_loading_and_signature() -> None:
    assert is_as_fast(0.010, 0.006, 2.0).passed
    assert not is_as_fast(0.013, 0.006, 2.0).passed
    assert not is_as_small(301, 100, 3.0).passed
    assert loads("").passed
    assert loads("crashed").text == "crashed"
    own = signature_of(SPEC)
    other = replace(own, feature_hash="0", estimates=("life",))
    assert has_signature(own, own, ()).passed
    assert has_signature(other, own, ()).text == "other features and estimates, not declared"
    assert not has_signature(other, own, ("features",)).passed
    assert has_signature(other, own, ("features", "estimates")).passed


def test_the_verdict_needs_all_gates_and_tells_which_failed() -> None:
    fine, slow = is_as_small(1, 1, 3.0), is_as_fast(3.0, 1.0, 2.0)
    assert judge([fine]).better
    assert not judge([]).better
    verdict = judge([fine, slow])
    assert not verdict.better
    assert verdict.why == slow.text
    assert Verdict.from_dict(verdict.as_dict()) == verdict
    assert table(verdict.gates).splitlines()[-1] == f"| latency | not passed | {slow.text} |"
