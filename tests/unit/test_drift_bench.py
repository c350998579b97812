"""The benchmark of drift detectors: its figures, its streams, and what it prints beside chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from streamsim.benchmarks import drift
from streamsim.benchmarks.drifting import real_series
from streamsim.benchmarks.drifting.alarm_figures import AlarmFigures, at_random, judge
from streamsim.benchmarks.drifting.contenders import ON_ERRORS, ON_FEATURES
from streamsim.benchmarks.drifting.known_changes import KINDS, ROWS, KnownStream, stream
from streamsim.benchmarks.drifting.real_series import annotated, forecast_errors
from streamsim.streams.errors import SourceError, UsageError


def test_figures_are_those_of_the_definition() -> None:
    """Two changes, the second gradual; the third alarm comes too late, and so does the last."""
    alarms = np.array([90, 110, 150, 400, 1_000, 1_100, 1_400])
    found = judge(alarms, [(100, 100), (900, 1_000)], 2_000, 200)
    assert found == AlarmFigures(2_000, 2, right=4, wrong=3, found=2, waited=10 + 100)
    assert found.delay == 55
    assert found.false_per_1000 == 1.5
    assert found.f1 == 2 * 4 / (2 * 4 + 3)
    assert found.f1_once == 2 * 2 / (2 * 2 + 3)
    both = found + judge(np.array([], np.int64), [(5, 5)], 100, 10)
    assert (both.missed, both.episode_recall) == (1, pytest.approx(2 / 3))


def test_who_always_alarms_has_a_good_f1_until_each_change_counts_once() -> None:
    always = judge(np.arange(1_000), [(500, 500)], 1_000, 400)
    assert always.f1 > 0.5
    assert always.f1_once < 0.01
    never = judge(np.array([], np.int64), [(500, 500)], 1_000, 400)
    assert (never.f1, never.missed) == (0, 1)
    assert math.isnan(never.delay)


def test_chance_has_as_many_alarms() -> None:
    found = at_random(7, [(500, 500)], 1_000, 100, seed=1)
    assert found.right + found.wrong == 7 * 20
    assert 0.02 < found.right / 140 < 0.25


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "quiet"])
def test_a_world_is_as_it_was_until_its_change(kind: str) -> None:
    known = stream(kind, 1)
    (begin, end) = known.changes[0]
    before = known.errors[:begin].mean()
    after = known.errors[end : end + known.longest].mean()
    assert 0.1 < before < 0.25
    assert after > before + (0.0 if kind == "seasonal" else 0.05)
    assert (stream(kind, 1).errors == known.errors).all()
    found = ON_ERRORS["stepd 200, 0.00001"](known)
    assert [at for at in found.tolist() if begin <= at <= end + known.longest] or kind in (
        "recurring", "seasonal", "concept",
    )  # fmt: skip


def test_a_lost_feature_is_found_without_labels_and_a_quiet_world_is_quiet() -> None:
    lost, quiet = stream("gone missing", 2), stream("quiet", 2)
    (begin, _) = lost.changes[0]
    (alarm,) = ON_FEATURES["js 0.1"](lost).tolist()
    assert begin < alarm < begin + lost.longest
    assert ON_FEATURES["js 0.1"](quiet).tolist() == []
    # In a window that is shorter than a season, the season itself is another distribution.
    assert ON_FEATURES["psi 0.2, short"](quiet).tolist() != []


def test_series_have_the_changes_that_most_annotators_mark() -> None:
    streams = list(annotated())
    assert len(streams) == 7
    assert sum(len(own.changes) for own in streams) > 15
    for own in streams:
        assert set(np.unique(own.errors)) <= {0.0, 1.0}
        assert own.sizes.min() >= 0
        assert own.sizes.max() <= 1


def test_a_forecast_is_the_mean_of_the_last_steps() -> None:
    values = np.array([*np.tile([1.0, 2.0], 20), 9.0, 9.0])
    wrong, sizes = forecast_errors(values)
    assert wrong[-2:].tolist() == [1, 1]
    assert wrong[10:40].sum() == 0
    assert sizes[-2] == 1


def small(columns: int = 3) -> tuple[list[str], Any, Any]:
    draw = np.random.default_rng(5)
    features = draw.normal(size=(4_000, columns)).astype(np.float32)
    truth = features[:, 0] + 0.3 * draw.normal(size=4_000) > 0
    return ["x", "y", "z"], features, truth


@pytest.mark.parametrize("kind", ["labels swapped", "columns exchanged"])
def test_a_change_is_planted_in_real_rows(kind: str) -> None:
    known = real_series.RealTable.learn(*small(), 300).changed(kind, np.random.default_rng(3))
    ((at, _),) = known.changes
    assert len(known.errors) == 2_800
    assert known.errors[:at].mean() < 0.15
    assert known.errors[at:].mean() > 0.3
    assert known.reference is not None


def test_tables_have_each_detector_beside_chance(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def some(seed: int) -> list[KnownStream]:
        return [stream(kind, seed) for kind in ("quiet", "sudden")]

    def gone(dataset: object, say: object) -> None:
        raise SourceError("rainfall cannot be downloaded; is there a network?")

    monkeypatch.setattr(drift, "worlds", some)
    monkeypatch.setattr(real_series, "fetch", gone)
    result = drift.run(drift.Options(seeds="1", detectors="stepd 200,js 0.1"))
    said = capsys.readouterr().out
    assert "without the real sets: rainfall cannot be downloaded" in said
    assert result["skipped"].startswith("rainfall")
    everything = result["errors"]["all"]
    assert set(everything) == {
        "always", "never", "stepd 200, 0.001", "stepd 200, 0.00001", "stepd 200, 1e-7",
    }  # fmt: skip
    assert everything["always"]["alarms"] == 2 * ROWS
    assert everything["never"]["missed"] == 1
    own = everything["stepd 200, 0.00001"]
    assert own["missed"] == 0
    assert own["f1_once"] > own["at_random"]["f1_once"]
    assert set(result["features"]["all"]) == {"always", "never", "js 0.1", "js 0.15"}
    assert "F1 once" in said


def test_options_that_fit_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="takes numbers with commas"):
        drift.run(drift.Options(seeds="one"))
    with pytest.raises(UsageError, match="no detector has 'guess' in its name"):
        drift.run(drift.Options(detectors="guess"))
