"""A model of one's own data, end to end: README's commands give the figures of an offline analysis.

The offline analysis has the features of the whole file at once. It splits them at the time from
which the stream scored, and measures the released model on the rest.
"""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from streamsim.benchmarks.public_data.datasets import MOVIELENS
from streamsim.models.labelled import Labelled
from streamsim.models.loaded import Loaded
from streamsim.models.registry import Registry
from streamsim.simulator.domain_stream import file_slices
from streamsim.simulator.model_training import LEFT_OUT, SCORES_FROM, training_data
from streamsim.simulator.training_period import parse_day
from streamsim.streams.answers import items_of, scores_of
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.spec import DomainSpec
from streamsim.streams.statistics.intervals import Interval, auc, average_precision, interval
from tests.integration.test_readme import COMMANDS, shell
from tests.realdata.downloads import downloaded

FIGURES = {"average_precision": average_precision, "roc_auc": auc}
ENCOUNTERS = 25_000
"""Rows of the encounters that are used: training on all of them takes minutes."""

pytestmark = [pytest.mark.slow, pytest.mark.stack, pytest.mark.embedded]


def test_payments(handbook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "handbook.csv").symlink_to(handbook)
    report, offline = followed("finance", tmp_path / "handbook.csv", monkeypatch)
    assert offline.low <= report["quality"]["value"] <= offline.high
    assert report["quality"]["value"] == pytest.approx(offline.value, abs=0.002)
    assert (
        report["alert_labels"]["precision"] > 0.8 > 10 * report["alert_labels"]["chance_precision"]
    )


def test_discharges(hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "encounters.csv"
    with gzip.open(hospital / "encounters.csv.gz", "rt") as whole:
        path.write_text("".join(islice(whole, ENCOUNTERS + 1)))
    report, offline = followed("healthcare", path, monkeypatch)
    spec, registry = load_domain("healthcare"), Registry(tmp_path / "home" / "registry")
    model = Loaded(*registry.load(spec.model.recipe.name, "1"))
    left_out = registry.release(spec.model.recipe.name, "1").data[LEFT_OUT]
    columns = [spec.features.vector.names.index(name) for name in left_out]
    rows = np.random.default_rng(0).uniform(0, 9, (50, len(spec.features.vector.names)))
    other = rows.copy()
    other[:, columns] = -1
    assert len(columns) >= 2
    assert np.array_equal(model.answer(rows), model.answer(other))
    assert report["quality"]["value"] == pytest.approx(offline.value, abs=0.002)
    assert offline.low > 0.6


def test_viewings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream renews the recommender, which the offline analysis does not."""
    path = tmp_path / "ml-100k.inter"
    path.symlink_to(downloaded(MOVIELENS) / "ml-100k.inter")
    report, offline = followed("technology", path, monkeypatch)
    assert offline.low <= report["quality"]["value"]
    assert not report["accuracy"]["is_low"]
    # No user of these data can be seen to lose interest: every title was watched to its end.
    assert report["alerts"] == 0


def followed(
    domain: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], Interval]:
    """Follow README's commands for a file; return the domain's report, and the offline figure."""
    home, written = file.parent / "home", file.parent / "report.json"
    monkeypatch.setenv("STREAMSIM_HOME", str(home))
    train, up = (command for command in COMMANDS if file.name in command)
    for command in (train, f"{up} --report {written}"):
        done = shell(command, file.parent, 900)
        assert done.returncode == 0, done.stderr + done.stdout
        assert "warning:" not in done.stdout
    report = orjson.loads(written.read_bytes())["domains"][domain]
    spec, registry = load_domain(domain), Registry(home / "registry")
    model = Loaded(*registry.load(spec.model.recipe.name, "1"))
    data = training_data(spec, file_slices(spec, file))
    known_from = registry.release(spec.model.recipe.name, "1").data[SCORES_FROM]
    rest = data.take(data.times >= parse_day(str(known_from)))
    assert report["filtered_by"]["warm_up"] == report["filtered"] > len(rest.times) / 2
    assert report["quality"]["labelled"] == pytest.approx(len(rest.times), rel=0.03)
    return report, measured(spec, model, rest)


def measured(spec: DomainSpec, model: Loaded, data: Labelled) -> Interval:
    """Measure a model's scores of events, with the interval over their entities."""
    answer = model.answer(data.features)
    truth = spec.model.truth(data.labels, items_of(answer, len(spec.model.estimates)))
    figure = FIGURES[spec.model.recipe.metric](truth, np.round(scores_of(answer), 6))
    found = interval(figure, data.entities.astype(str), draws=200)
    print(f"{spec.name}: {spec.model.recipe.metric} offline {found}")
    return found
