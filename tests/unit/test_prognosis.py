"""Prognoses of small made-up fleets, and what judges them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamsim.benchmarks.public_data import engines as nasa
from streamsim.benchmarks.public_data.engines import Engines, judge, read_engines
from streamsim.benchmarks.studies.prognosis import Prognosis
from streamsim.benchmarks.turbofan import Options, measure, run
from streamsim.streams.errors import ModelError, SourceError, UsageError
from streamsim.streams.events import Floats


def fleet(machines: int = 12, seed: int = 0) -> Engines:
    """Engines of which one sensor rises towards failure, some say nothing, and most stand still."""
    draw = np.random.default_rng(seed)
    lives = draw.integers(60, 160, machines)
    engine = np.repeat(np.arange(1, machines + 1), lives)
    cycle = np.concatenate([np.arange(1, n + 1) for n in lives])
    left = np.concatenate([np.arange(n)[::-1] for n in lives])
    values = draw.normal(0, 1, (len(engine), 21))
    values[:, 3] += 8 * np.exp(-left / 40)
    values[:, 5:] = 4.0
    return Engines(engine, cycle, values, np.zeros(len(engine), np.int64))


def written(engines: Engines, path: Path) -> Path:
    settings = np.zeros((len(engines.engine), 3))
    settings[:, 0] = np.array(nasa.ALTITUDES)[engines.condition] + 0.004
    np.savetxt(path, np.column_stack([engines.engine, engines.cycle, settings, engines.values]))
    return path


@pytest.mark.long
def test_a_prognosis_knows_more_than_age_and_stays_within_its_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nasa, "CUTS", 2)
    engines = fleet()
    judged = judge(engines, seed=0)
    assert judged.life.min() >= 0
    assert judged.life.max() <= nasa.CAP
    assert ((judged.chance >= 0) & (judged.chance <= 1)).all()
    figures = measure(engines, [judged])
    assert figures["rmse"].value < 0.8 * figures["rmse_age"].value
    assert figures["failure"]["auc"].low > figures["failure_age"]["auc"].value
    for rows, said in judged.cut:
        assert sorted(engines.engine[rows].tolist()) == list(range(1, 13))
        assert (engines.cycle[rows] >= nasa.FEWEST).all()
        # What is known at a cut is what was known there in passing.
        np.testing.assert_array_equal(said, judged.life[rows])


def test_remaining_life_is_counted_to_the_last_cycle() -> None:
    none = np.zeros(4, np.int64)
    engines = Engines(np.array([1, 1, 1, 5]), np.array([1, 2, 3, 1]), np.zeros((4, 21)), none)
    assert engines.remaining.tolist() == [2, 1, 0, 0]


@pytest.mark.parametrize(
    ("remaining", "machines"),
    [(np.arange(30.0), 2), (np.full(30, 99.0), 6), (np.zeros(30), 6)],
    ids=["two machines", "none fails", "all fail"],
)
def test_what_cannot_be_learnt_from_is_refused(remaining: Floats, machines: int) -> None:
    rows = np.zeros((30, 2), np.float32)
    with pytest.raises(ModelError, match="prognosis"):
        Prognosis.fit(rows, remaining, np.arange(30) % machines, cap=125.0, horizon=10.0)


def test_engines_are_read_in_order(tmp_path: Path) -> None:
    engines = fleet(3)
    upset = np.random.default_rng(1).permutation(len(engines.engine))
    path = written(nasa.take(engines, upset), tmp_path / nasa.FILE)
    for where in (path, tmp_path):
        found = read_engines(where)
        np.testing.assert_array_equal(found.cycle, engines.cycle)
        np.testing.assert_allclose(found.values, engines.values)
        assert not found.condition.any()


def in_conditions(engines: Engines, seed: int = 5) -> Engines:
    """Return the same engines in six conditions, each of which moves and spreads the sensors."""
    draw = np.random.default_rng(seed)
    condition = draw.integers(0, len(nasa.ALTITUDES), len(engines.engine))
    level, spread = draw.normal(0, 500, (6, 21)), draw.uniform(1, 9, (6, 21))
    values = engines.values * spread[condition] + level[condition]
    return Engines(engines.engine, engines.cycle, values, condition)


def test_conditions_are_read_from_the_settings(tmp_path: Path) -> None:
    engines = in_conditions(fleet(3))
    found = read_engines(written(engines, tmp_path / "train_FD004.txt"))
    assert found.condition.tolist() == engines.condition.tolist()
    assert nasa.part_of(tmp_path) == nasa.part_of(tmp_path / "train_FD004.txt") == "FD004"
    assert nasa.part_of(tmp_path / "engines.txt") == ""


def test_a_reading_is_measured_from_its_condition() -> None:
    """So wear shows as it does in one condition, though conditions move sensors far more."""
    engines = in_conditions(fleet(40))
    measure = nasa.define(engines)
    found = measure.deviations(engines)
    assert measure.moving.tolist() == [0, 1, 2, 3, 4]
    young = engines.cycle <= nasa.FIRST
    for condition in range(6):
        own = found[young & (engines.condition == condition)]
        np.testing.assert_allclose(own.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(own.std(axis=0), 1, atol=1e-9)
    worn = found[engines.remaining < 5, 3]
    assert worn.mean() > 4 * worn.std()
    one = fleet(40)
    alone = nasa.define(one).deviations(one)[:, 3]
    assert np.corrcoef(alone, found[:, 3])[0, 1] > 0.98


@pytest.mark.parametrize(
    "text", ["", "1 2 3\n", "one two\n", "1 1 " + "nan " * 24, "0 0 " + "1 " * 24]
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_a_file_of_something_else_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "engines.txt"
    path.write_text(text)
    with pytest.raises(SourceError, match=r"engines\.txt"):
        read_engines(path)
    with pytest.raises(SourceError):
        read_engines(tmp_path / "nowhere.txt")


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nasa, "MOST_BYTES", 100)
    with pytest.raises(SourceError, match="larger"):
        read_engines(written(fleet(1), tmp_path / "engines.txt"))


def test_the_benchmark_says_what_it_needs() -> None:
    with pytest.raises(UsageError, match="--data"):
        run(Options())
    with pytest.raises(UsageError, match="numbers"):
        run(Options(Path("engines.txt"), "one"))
