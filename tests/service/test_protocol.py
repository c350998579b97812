"""The Open Inference Protocol, good requests first, then every kind of bad one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton

from streamsim.models.registry import Registry
from streamsim.streams.inference import HEADER_LENGTH, write_infer
from tests.service.conftest import MAX_BODY, MAX_ROWS, TOKEN, Service

MODEL = "finance-fraud"
INFER = f"/v2/models/{MODEL}/infer"


@pytest.fixture
def width(service: Service) -> int:
    return len(service.signature.features)


def tensor(rows: int, width: int, **changes: Any) -> dict[str, Any]:
    """A request of zeros, changed where a test wants it wrong."""
    made = {
        "name": "features",
        "datatype": "FP32",
        "shape": [rows, width],
        "data": [0.5] * (rows * width),
    }
    return {"inputs": [{k: v for k, v in {**made, **changes}.items() if v is not None}]}


@pytest.mark.parametrize(
    "path", ["/v2/health/live", "/v2/health/ready", f"/v2/models/{MODEL}/ready"]
)
def test_it_is_alive_and_ready(service: Service, path: str) -> None:
    assert service.call("GET", path)[0] == 200


def test_metadata_says_what_the_model_takes(service: Service, width: int) -> None:
    status, body, _ = service.call("GET", f"/v2/models/{MODEL}/versions/1")
    assert status == 200
    assert body["name"] == MODEL
    assert body["inputs"] == [{"name": "features", "datatype": "FP32", "shape": [-1, width]}]
    assert body["outputs"] == [{"name": "score", "datatype": "FP64", "shape": [-1]}]
    assert body["parameters"]["threshold"] == service.signature.threshold


def test_json_and_binary_tensors_give_the_registrys_own_scores(
    service: Service, registry: Registry, width: int
) -> None:
    rows = np.random.default_rng(0).uniform(0, 100, (50, width)).astype(np.float32)
    estimator, _ = registry.load(MODEL, "1")
    expected = estimator.predict_proba(rows)[:, 1]
    status, body, _ = service.call(
        "POST", INFER, tensor(50, width, data=rows.astype(float).tolist())
    )
    assert status == 200
    assert body["outputs"][0]["data"] == expected.tolist()
    binary, length = write_infer(rows)
    status, raw, headers = service.call("POST", INFER, binary, {HEADER_LENGTH: str(length)})
    assert status == 200
    head = int(headers[HEADER_LENGTH])
    assert json.loads(raw[:head])["outputs"][0]["parameters"] == {"binary_data_size": 400}
    assert np.frombuffer(raw[head:], "<f8").tolist() == expected.tolist()


@pytest.mark.parametrize("binary", [True, False])
def test_a_client_that_was_not_written_here_works(
    service: Service, registry: Registry, width: int, binary: bool
) -> None:
    rows = np.random.default_rng(1).uniform(0, 100, (7, width)).astype(np.float32)
    with triton.InferenceServerClient(f"127.0.0.1:{service.port}") as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(MODEL, "1")
        assert client.get_server_metadata()["name"] == "streamsim"
        assert client.get_model_metadata(MODEL)["versions"] == ["1"]
        assert client.get_model_repository_index()[0]["state"] == "READY"
        given = triton.InferInput("features", list(rows.shape), "FP32")
        given.set_data_from_numpy(rows, binary_data=binary)
        wanted = triton.InferRequestedOutput("score", binary_data=binary)
        result = client.infer(MODEL, [given], request_id="r-1", outputs=[wanted])
    assert result.get_response()["id"] == "r-1"
    expected = registry.load(MODEL, "1")[0].predict_proba(rows)[:, 1]
    assert result.as_numpy("score").tolist() == expected.tolist()


def test_predict_gives_an_example_that_it_takes(service: Service) -> None:
    status, example, _ = service.call("GET", "/predict")
    assert status == 200
    status, answer, _ = service.call("POST", "/predict", example)
    assert status == 200
    assert answer["alerts"] == [False]
    status, _, _ = service.call("GET", "/predict?model=unknown")
    assert status == 404


def test_predict_takes_named_fields(service: Service) -> None:
    features = dict(zip(service.signature.features, service.signature.reference, strict=True))
    status, one, _ = service.call("POST", "/predict", {"features": features})
    assert status == 200
    assert 0 <= one["scores"][0] < service.signature.threshold
    assert one["alerts"] == [False]
    status, two, _ = service.call(
        "POST", "/predict", {"model": MODEL, "version": "1", "rows": [features, features]}
    )
    assert (status, two["scores"]) == (200, one["scores"] * 2)


def test_unloading_and_loading_ask_for_the_token(service: Service) -> None:
    path = f"/v2/repository/models/{MODEL}"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
        for action in ("load", "unload"):
            assert service.call("POST", f"{path}/{action}", {}, headers)[0] == 401
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert service.call("POST", f"{path}/unload", {}, bearer)[0] == 200
    assert service.call("GET", f"/v2/models/{MODEL}/ready")[0] == 404
    try:
        index = service.call("POST", "/v2/repository/index", {})[1]
        assert [row["state"] for row in index if row["name"] == MODEL] == ["UNAVAILABLE"]
    finally:  # the other tests need it
        assert service.call("POST", f"{path}/load", {}, bearer)[0] == 200
    assert service.call("GET", f"/v2/models/{MODEL}/ready")[0] == 200
    status, body, _ = service.call("POST", "/v2/repository/models/nothing/load", {}, bearer)
    assert status == 404
    assert "nothing" in body["error"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": "unknown"}, "no input 'unknown'"),
        ({"datatype": "FP64"}, "must be FP32"),
        ({"datatype": None}, "must be FP32"),
        ({"shape": [3, 2]}, "has 2 columns"),
        ({"shape": [3]}, "the shape of 'features'"),
        ({"shape": "3"}, "the shape of 'features'"),
        ({"shape": [-1, 23]}, "the shape of 'features'"),
        ({"shape": [0, 23], "data": []}, "no rows"),
        ({"shape": [True, 23]}, "the shape of 'features'"),
        ({"data": None}, "no 'data'"),
        ({"data": {}}, "no 'data'"),
        ({"data": [1.0]}, "has 1 values"),
        ({"data": ["1"] * 69}, "numbers only"),
        ({"data": [None] * 69}, "numbers only"),
        ({"data": [True] * 69}, "numbers only"),
        ({"data": [[1.0] * 23, [1.0] * 22, [1.0] * 24]}, "does not have the shape"),
        ({"data": [1e300] * 69}, "not finite in FP32"),
        ({"data": [10**400] * 69}, "JSON"),
        ({"parameters": {"binary_data_size": 276}}, "both 'data' and"),
        ({"data": None, "parameters": {"binary_data_size": 1}}, "must be 276"),
        ({"data": None, "parameters": {"binary_data_size": 276}}, "0 do"),
        ({"parameters": []}, "'parameters' must be an object"),
    ],
)
def test_a_wrong_tensor_is_400_and_says_what_is_wrong(
    service: Service, changes: dict[str, Any], complaint: str
) -> None:
    status, body, _ = service.call("POST", INFER, tensor(3, 23, **changes))
    assert status == 400
    assert complaint in body["error"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xff\xfe", "not JSON"),
        (b'{"inputs": [{"name": "features", "data": [NaN]}]}', "not JSON"),
        (b'{"inputs": []}', "'inputs' must be a list of one tensor"),
        (b'{"inputs": [1]}', "'inputs' must be a list of one tensor"),
        (b"[" * 10_000, "not JSON"),
    ],
)
def test_a_wrong_body_is_400(service: Service, body: bytes, complaint: str) -> None:
    status, answer, _ = service.call("POST", INFER, body)
    assert status == 400
    assert complaint in answer["error"]


def test_nan_among_raw_values_is_400(service: Service, width: int) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        rows = np.ones((3, width), np.float32)
        rows[1, 4] = bad
        body, length = write_infer(rows)
        status, answer, _ = service.call("POST", INFER, body, {HEADER_LENGTH: str(length)})
        assert status == 400
        assert "row 1" in answer["error"]


@pytest.mark.parametrize("length", ["abc", "-1", "99999999", "", "1e3", "\u0663"])
def test_a_wrong_header_length_is_400(service: Service, width: int, length: str) -> None:
    body, _ = write_infer(np.ones((3, width), np.float32))
    status, answer, _ = service.call(
        "POST", INFER, body, {HEADER_LENGTH: length.encode().decode("latin-1")}
    )
    assert status == 400
    assert "error" in answer


def test_too_much_is_413(service: Service, width: int) -> None:
    status, answer, _ = service.call("POST", INFER, tensor(MAX_ROWS + 1, width))
    assert status == 413
    body, length = write_infer(np.ones((MAX_ROWS + 1, width), np.float32))
    status, answer, _ = service.call("POST", INFER, body, {HEADER_LENGTH: str(length)})
    assert status == 413
    assert str(MAX_ROWS) in answer["error"]
    for size in (MAX_BODY + 1, MAX_BODY * 3):
        assert service.call("POST", INFER, b"x" * size)[0] == 413


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({}, "send {'features'"),
        ({"features": {}, "rows": []}, "send {'features'"),
        ({"features": {}}, "row 0 lacks"),
        ({"rows": []}, "no rows"),
        ({"rows": {}}, "must be a list"),
        ({"rows": [1]}, "not an object"),
        ({"features": 1}, "not an object"),
        ({"features": {}, "model": 1}, "must be strings"),
        ({"features": {}, "model": "x"}, "'x' is not loaded"),
        ({"features": {}, "wrong": 1}, "send {'features'"),
    ],
)
def test_a_wrong_prediction_says_what_is_wrong(
    service: Service, asked: dict[str, Any], complaint: str
) -> None:
    status, body, _ = service.call("POST", "/predict", asked)
    assert status == (404 if "not loaded" in complaint else 400)
    assert complaint in body["error"]


def test_named_fields_must_be_the_models_and_numbers(service: Service) -> None:
    features: dict[str, Any] = dict.fromkeys(service.signature.features, 1.0)
    for change, complaint in (
        ({"amount": "12"}, "amount is not a number"),
        ({"amount": None}, "amount is not a number"),
        ({"amount": True}, "amount is not a number"),
        ({"amount": 1e300}, "not finite"),
        ({"shoe_size": 43}, "unknown features: shoe_size"),
    ):
        status, body, _ = service.call("POST", "/predict", {"features": {**features, **change}})
        assert status == 400
        assert complaint in body["error"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v2/models/unknown", 404),
        ("GET", f"/v2/models/{MODEL}/versions/99", 404),
        ("POST", "/v2/models/../../etc/passwd/infer", 404),
        ("GET", INFER, 405),
        ("DELETE", "/predict", 405),
    ],
)
def test_what_is_not_there_is_said_as_json(
    service: Service, method: str, path: str, expected: int
) -> None:
    status, body, _ = service.call(method, path)
    assert status == expected
    assert "error" in body
