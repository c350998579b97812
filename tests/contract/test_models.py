"""Models are better than chance and safe to load, and their alerts have reasons."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from streamsim.models.labelled import Labelled
from streamsim.models.loaded import Loaded
from streamsim.models.registry import Registry
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.simulator.model_training import training_data
from streamsim.streams.answers import estimates_of, items_of, scores_of
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.statistics.intervals import (
    auc,
    average_precision,
    difference,
    interval,
    root_mean,
)
from streamsim.streams.topics import ALERTS, SCORES, topic
from tests.contract.runs import days, some

UNSEEN = 31_337
METRIC = {"average_precision": average_precision, "roc_auc": auc}


@pytest.fixture(scope="module")
def unseen(domain: DomainSpec) -> Labelled:
    """Return a world that was not used for tuning."""
    length = some(domain, 45) + domain.longest_delay / DAY
    # As many entities as in training: the bootstrap resamples entities.
    sizes = {name: value for name, value in domain.model.recipe.world.items() if value > 10}
    options = {**domain.world.options, **sizes}
    return training_data(domain, world_slices(domain, UNSEEN, options, length))


@pytest.mark.long
def test_the_model_is_better_than_any_one_feature(
    domain: DomainSpec, model: Loaded, unseen: Labelled
) -> None:
    """Test on a world not used for tuning, at the lower bound of the interval over entities."""
    answer, n = model.answer(unseen.features), len(domain.model.estimates)
    data, scores = unseen, scores_of(answer)
    truth = domain.model.truth(data.labels, items_of(answer, n))
    measure, one = METRIC[domain.model.recipe.metric], np.ones((1, len(truth)))
    single = {
        (name, sign): float(measure(truth, sign * column.astype(np.float64))(one)[0])
        for name, column in zip(domain.features.vector.names, data.features.T, strict=True)
        for sign in (1.0, -1.0)
    }
    name, sign = max(single, key=single.__getitem__)
    best = sign * data.features[:, domain.features.vector.names.index(name)].astype(np.float64)
    gain = difference(measure(truth, scores), measure(truth, best))
    found = interval(gain, data.entities.astype(str), draws=200)
    assert found.low > 0, (name, single[name, sign], found)


@pytest.mark.long
def test_estimates_are_better_than_the_mean_and_within_their_bounds(
    domain: DomainSpec, model: Loaded, unseen: Labelled
) -> None:
    """The baseline is the mean of the world that the estimates are judged on."""
    assert model.signature.estimates == tuple(estimate.name for estimate in domain.model.estimates)
    numbers = estimates_of(model.answer(unseen.features), len(domain.model.estimates))
    for place, estimate in enumerate(domain.model.estimates):
        said, truth = numbers[:, place], unseen.numbers[:, place]
        known = np.isfinite(truth)
        assert known.mean() > 0.3
        for values in (said, truth[known]):
            assert values.min() >= estimate.low
            assert values.max() <= estimate.high
        theirs = root_mean((truth[known].mean() - truth[known]) ** 2)
        gain = difference(theirs, root_mean((said - truth)[known] ** 2))
        found = interval(gain, unseen.entities.astype(str)[known], draws=200)
        assert found.low > 0, (estimate.name, found)


def test_the_card_tells_of_data_metrics_and_limits(
    domain: DomainSpec, model: Loaded, registry: Registry
) -> None:
    card = registry.card(model.signature.model, model.signature.version)
    for part in ("## Data", "## Metrics", "## Features", "## Limits", domain.question):
        assert part in card
    for feature in domain.features.vector.names:
        assert feature in card
    assert "calibration_error" in card
    for estimate in domain.model.estimates:
        assert f"{estimate.name}_rmse" in card


def test_the_profile_is_of_the_training_rows_with_all_features(
    domain: DomainSpec, model: Loaded, registry: Registry
) -> None:
    signature = model.signature
    profile = signature.profile
    assert profile is not None
    assert profile.names == domain.features.vector.names
    assert profile.rows == registry.release(signature.model, signature.version).data["rows"]
    assert (profile.counts().sum(axis=1) == profile.rows).all()
    low, high = profile.columns[-1].range
    assert 0 <= low < high <= 1


def test_an_altered_artefact_is_not_loaded(
    domain: DomainSpec, model: Loaded, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import shutil

    from streamsim.streams.errors import ModelError

    copy = Registry(tmp_path_factory.mktemp("altered") / "registry")
    shutil.copytree(registry.root, copy.root, dirs_exist_ok=True)
    name, version = model.signature.model, model.signature.version
    (artefact,) = (copy.root / name / version).glob("*.skops")
    artefact.write_bytes(artefact.read_bytes() + b" ")
    with pytest.raises(ModelError):
        copy.load(name, version)


@pytest.mark.long
def test_alerts_explain_themselves(domain: DomainSpec, model: Loaded) -> None:
    """Return the first fifty alerts of a world with many planted events."""
    options = {**domain.world.options, **dict.fromkeys(_planting(domain), 4.0)}
    slices = world_slices(domain, 20, options, days(domain) + some(domain, 30))
    process = InProcess(domain, model.answer, model.signature)
    alerts: list[dict[str, Any]] = []
    scores: set[str] = set()
    for records in as_records(domain, wire(domain, slices)):
        out = process.push(records)
        scored = (orjson.loads(r.value) for r in out if r.topic == topic(domain.name, SCORES))
        scores |= {body["event_id"] for body in scored}
        raised = (orjson.loads(r.value) for r in out if r.topic == topic(domain.name, ALERTS))
        alerts += [body for body in raised if body["rule"] == domain.alerting.rule.name]
        if len(alerts) >= 50:
            break
    assert alerts
    for alert in alerts:
        assert alert["severity"] in ("warning", "critical")
        assert alert[domain.alerting.rule.noun]
        assert alert["seen"]
        assert alert["event_id"] in scores
        assert alert["source"]["topic"] == topic(domain.name, domain.trigger.name)
        assert {estimate.name for estimate in domain.model.estimates} <= set(alert["facts"])
        assert all(reason["effect"] > 0 and reason["text"] for reason in alert["why"])
    assert np.mean([bool(alert["why"]) for alert in alerts]) > 0.8


def _planting(domain: DomainSpec) -> list[str]:
    """Return the options of the world that are 0 in its ordinary world."""
    return [n for n, value in domain.model.recipe.ordinary.items() if value == 0 and n != "defects"]
