"""Models that say numbers beside their score: how they travel, and how chances are made honest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from streamsim.models.composed import Composed, calibrated, fit_sigmoid
from streamsim.models.loaded import Loaded, Shelf
from streamsim.models.registry import Registry
from streamsim.models.service import create_service
from streamsim.simulator.report.estimates import estimates_quality
from streamsim.streams.answers import answers, estimates_of, items_of, scores_of
from streamsim.streams.codec import format_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ModelError, ScorerUnavailable
from streamsim.streams.inference import (
    HEADER_LENGTH,
    InferRequest,
    read_infer,
    read_response,
    write_infer,
    write_response,
)
from streamsim.streams.labels import read_numbers
from streamsim.streams.signature import Signature
from streamsim.streams.spec import MINUTE
from streamsim.streams.statistics.intervals import calibration_error

SPEC = load_domain("logistics")
NAMES = ("left", "cost")
SIGNATURE = Signature("wear", "0", ("a", "b"), "hash", 0.5, (0.0, 0.0), estimates=NAMES)


def rows(seed: int, n: int = 3_000) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    X = draw.normal(0, 1, (n, 2)).astype(np.float32)
    return X, (draw.random(n) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(np.int64)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    X, y = rows(0)
    regressors = [
        HistGradientBoostingRegressor(max_iter=10, early_stopping=False).fit(X, 50 * X[:, place])
        for place in (0, 1)
    ]
    classifier = HistGradientBoostingClassifier(max_iter=10, early_stopping=False)
    model = Composed(classifier, regressors, [(0.0, 30.0), (-5.0, 5.0)], (0.8, -0.1)).fit(X, y)
    registry = Registry(tmp_path_factory.mktemp("estimates"))
    registry.add(model, SIGNATURE, metrics={}, data={}, card="", created="")
    registry.promote("wear", "1")
    again = Loaded(*registry.load("wear", "1"))
    np.testing.assert_array_equal(again.score(X), model.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(estimates_of(again.answer(X), 2), model.estimate(X))
    return again


def test_numbers_stay_within_their_bounds_whoever_else_is_asked_of(loaded: Loaded) -> None:
    X, _ = rows(1)
    answer = loaded.answer(X)
    numbers = estimates_of(answer, 2)
    assert (numbers.min(axis=0) == (0.0, -5.0)).all()
    assert (numbers.max(axis=0) == (30.0, 5.0)).all()
    assert items_of(answer, 2) is None
    np.testing.assert_array_equal(loaded.answer(X[7:8]), answer[7:8])


def test_the_service_says_them_by_name(loaded: Loaded, tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(loaded.estimator, loaded.signature, metrics={}, data={}, card="", created="")
    registry.promote("wear", "1")
    shelf = Shelf(registry)
    shelf.load("wear")
    client = create_service(shelf, max_rows=100, max_body=1 << 20).test_client()
    X, _ = rows(2, 4)
    answer = loaded.answer(X)

    told = client.get("/v2/models/wear").get_json()
    assert [output["name"] for output in told["outputs"]] == ["score", *NAMES]
    assert Signature.from_dict(told["parameters"]) == loaded.signature
    body, length = write_infer(X)
    raw = client.post("/v2/models/wear/infer", data=body, headers={HEADER_LENGTH: str(length)})
    found = read_response(raw.data, raw.headers[HEADER_LENGTH], 4, NAMES)
    np.testing.assert_array_equal(found, answer)
    said = client.post(
        "/predict", json={"rows": [dict(zip("ab", row, strict=True)) for row in X.tolist()]}
    ).get_json()
    assert said["scores"] == pytest.approx(scores_of(answer), abs=1e-6)
    assert said["left"] == pytest.approx(answer[:, 1], abs=1e-6)
    assert said["cost"] == pytest.approx(answer[:, 2], abs=1e-6)


def test_each_output_can_be_asked_for_in_any_order(loaded: Loaded) -> None:
    X, _ = rows(2, 4)
    answer = loaded.answer(X)
    tensor = {"name": "features", "datatype": "FP32", "shape": list(X.shape), "data": X.tolist()}
    for wanted in (["left"], ["cost", "score"], ["cost", "left", "score"]):
        parts = [{"name": name, "parameters": {"binary_data": name == "left"}} for name in wanted]
        asked = orjson.dumps({"inputs": [tensor], "outputs": parts})
        request = read_infer(asked, None, X.shape[1], 100, ["score", *NAMES])
        body, length = write_response("m", "1", request, answer, NAMES)
        assert (length is not None) == ("left" in wanted)
        outputs = orjson.loads(body if length is None else body[:length])["outputs"]
        assert [own["name"] for own in outputs] == wanted
        for own in outputs:
            if own["name"] == "left":
                assert body[length:] == answer[:, 1].astype("<f8").tobytes()
            else:
                assert own["data"] == answer[:, 0 if own["name"] == "score" else 2].tolist()


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("slate", [False, True])
def test_a_response_with_numbers_is_read_as_it_was_written(binary: bool, slate: bool) -> None:
    request = InferRequest(np.zeros((2, 1), np.float32), None, binary)
    items = np.array([[7, 0, 3], [1, 2, 2**40]]) if slate else None
    answer = answers(np.array([0.25, 0.5]), items, np.array([[1.5, -2.0], [0.1, 1e9]]))
    body, length = write_response("m", "1", request, answer, NAMES)
    head = length and str(length)
    np.testing.assert_array_equal(read_response(body, head, 2, NAMES), answer)
    for names in (("left", "age"), ("left",)) if binary else (("left", "age"),):
        with pytest.raises(ScorerUnavailable):
            read_response(body, head, 2, names)
    if binary:
        with pytest.raises(ScorerUnavailable):
            read_response(body[:-1], head, 2, NAMES)


def test_a_model_without_the_domains_estimates_is_refused() -> None:
    names = SPEC.features.vector.names
    bare = Signature("m", "1", names, SPEC.features.fingerprint, 0.5, (0.0,) * len(names))
    with pytest.raises(ModelError, match=r"estimates -, but logistics has remaining_life_min"):
        bare.check(SPEC)


def test_a_sigmoid_makes_chances_honest_and_keeps_their_order() -> None:
    draw = np.random.default_rng(3)
    chance = draw.uniform(0.01, 0.6, 40_000)
    happened = (draw.random(40_000) < chance).astype(np.int64)
    odds = chance / (1 - chance)
    boastful = (3 * odds**1.7) / (1 + 3 * odds**1.7)
    slope, offset = fit_sigmoid(boastful[:20_000], happened[:20_000])
    assert slope == pytest.approx(1 / 1.7, rel=0.1)
    one, rest = np.ones((1, 20_000)), slice(20_000, None)
    honest = calibrated(boastful[rest], slope, offset)
    assert calibration_error(happened[rest], boastful[rest])(one)[0] > 0.05
    assert calibration_error(happened[rest], honest)(one)[0] < 0.012
    np.testing.assert_array_equal(np.argsort(honest), np.argsort(boastful[rest]))
    sure = calibrated(np.array([0.0, 1.0]), slope, offset)
    assert ((sure > 0) & (sure < 1)).all()


def life(reading: str, minute: int, left: object) -> bytes:
    (at,) = format_times(np.array([minute * MINUTE]))
    return orjson.dumps({"reading_id": reading, "event_time": at, "remaining_life_min": left})


def test_a_run_is_judged_by_what_it_estimated() -> None:
    at = format_times(np.arange(3) * MINUTE)
    scores = [
        orjson.dumps({"event_id": i, "event_time": t, "remaining_life_min": said})
        for i, t, said in zip("abc", at, (10.0, 40.0, 50.0), strict=True)
    ]
    told = [life("a", 13, 13.0), life("b", 61, 44.0), life("a", 12, 99.0), life("c", 5, "x"), b"{"]
    assert read_numbers(SPEC.labels, "remaining_life_min", told) == {"a": 13.0, "b": 44.0}
    found = estimates_quality(SPEC, scores, {"lives": told}, None)["remaining_life_min"]
    assert found == {
        "rmse": pytest.approx(np.sqrt((3**2 + 4**2) / 2), abs=1e-3),
        "rmse_of_the_mean": 15.5,
        "labelled": 2,
    }
    early = estimates_quality(SPEC, scores, {"lives": told}, 61 * MINUTE)["remaining_life_min"]
    assert early["labelled"] == 1  # of the others, those that end soon are known first
    none = estimates_quality(SPEC, scores, {"lives": []}, None)["remaining_life_min"]
    assert none == {"rmse": None, "rmse_of_the_mean": None, "labelled": 0}
