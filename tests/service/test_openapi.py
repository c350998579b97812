"""The OpenAPI description is true: a client that knows nothing else is answered as it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from flask import Flask
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from werkzeug.test import TestResponse

from streamsim.models.loaded import Shelf
from streamsim.models.registry import Registry
from streamsim.models.service import create_service
from streamsim.models.serving.openapi import ROUTES, described
from streamsim.streams.errors import BadRequest
from streamsim.streams.inference import BINARY_TYPE, HEADER_LENGTH, write_infer
from streamsim.streams.signature import Signature
from tests.described import JUNK, NAMES, instances, resolved, wrong
from tests.effort import NIGHTLY
from tests.service.conftest import Service

DOCUMENT = described()
OPERATIONS = [
    (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
TOKEN = "t"
ROWS = np.arange(40, dtype=np.float32).reshape(-1, 2)


class Slate:
    """Puts items forward, or has a reason not to."""

    def answer(self, entity: str, wish: Any, loaded: Any) -> dict[str, Any]:
        if entity in ("7", "score"):
            raise BadRequest("not now", 503)
        about = {"known": True, "event_time": None, "as_of": None, "score": 0.5, "items": [3]}
        return {"model": "m", "version": loaded.signature.version, "user_id": entity, **about}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    registry = Registry(tmp_path_factory.mktemp("registry"))
    fitted = LogisticRegression().fit(ROWS, np.arange(20) % 2)
    for _ in range(2):
        signature = Signature("m", "0", ("a", "b"), "hash", 0.5, (0.0, 0.0))
        registry.add(fitted, signature, metrics={}, data={}, card="", created="")
    registry.promote("m", "1")
    shelf = Shelf(registry)
    shelf.load("m")
    slates: Any = {"m": Slate()}
    return create_service(shelf, max_rows=9, max_body=3_000, token=TOKEN, slates=slates)


def _offered(operation: dict[str, Any]) -> bool:
    return "200" in operation["responses"]


def shown(path: str) -> str:
    """A Flask rule as the description writes it."""
    return re.sub(r"<(?:path:)?(\w+)>", r"{\1}", path)


def test_every_route_of_the_service_is_described_and_no_other(app: Flask) -> None:
    there = {
        (method.lower(), shown(rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert there == {(method, path) for method, path, _ in OPERATIONS}
    names = [operation["operationId"] for *_, operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert sum(len(route.paths) for route in ROUTES) == len(OPERATIONS)


def test_all_references_lead_somewhere() -> None:
    for name in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT))):
        assert resolved(DOCUMENT, {"$ref": name})


@st.composite
def requests(draw: st.DrawFn, operation: dict[str, Any]) -> dict[str, Any]:
    """Make a request from the description; now and then one that breaks it."""
    made: dict[str, Any] = {"path": {}, "query": {}, "headers": {}, "data": b""}
    for own in operation.get("parameters", []):
        place = {"header": "headers"}.get(own["in"], own["in"])
        value = draw(instances(DOCUMENT, own["schema"]))
        if own["in"] == "path":  # a path has its slashes; dots would be taken away by clients
            assume("/" not in value and value.strip("."))
        if own.get("required") or draw(st.booleans()):
            made[place][own["name"]] = str(draw(JUNK)) if draw(_RARELY) and place == "query" \
                else str(value)  # fmt: skip
    if "security" in operation and not draw(_RARELY):
        made["headers"]["Authorization"] = f"Bearer {TOKEN}"
    if "requestBody" in operation:
        kind = draw(st.sampled_from(sorted(operation["requestBody"]["content"])))
        if kind == BINARY_TYPE:
            rows = np.zeros((draw(st.integers(1, 11)), draw(st.sampled_from([2, 2, 3]))))
            made["data"], length = write_infer(rows.astype(np.float32))
            made["headers"][HEADER_LENGTH] = str(length)
            made["valid"] = False  # what the bytes must be is not in the schema
        else:
            value = draw(instances(DOCUMENT, operation["requestBody"]["content"][kind]["schema"]))
            if draw(_RARELY):
                value = draw(_spoilt(value))
            made["data"] = json.dumps(value).encode()
        made["headers"]["Content-Type"] = draw(st.just("text/csv")) if draw(_RARELY) else kind
    return made


_RARELY = st.sampled_from([False] * 9 + [True])


@st.composite
def _spoilt(draw: st.DrawFn, value: Any) -> Any:
    """Change a part of a JSON value."""
    if not isinstance(value, dict) or not value or draw(st.booleans()):
        return draw(JUNK)
    name = draw(st.sampled_from(sorted(value)))
    new = draw(st.sampled_from([name, draw(NAMES)]))
    return {**{n: v for n, v in value.items() if n != name}, new: draw(_spoilt(value[name]))}


def held_against(operation: dict[str, Any], response: TestResponse) -> None:
    """Hold an answer against the description of its operation."""
    status = str(response.status_code)
    assert status in operation["responses"], (status, response.data[:300])
    promised = resolved(DOCUMENT, operation["responses"][status])
    kind = response.mimetype
    assert kind in promised["content"], kind
    schema = promised["content"][kind]["schema"]
    if kind == BINARY_TYPE:
        length = int(response.headers[HEADER_LENGTH])
        schema, data = {"$ref": "#/components/schemas/InferResponse"}, response.data[:length]
        assert not wrong(DOCUMENT, schema, json.loads(data))
    elif kind.endswith("json"):
        assert not (said := wrong(DOCUMENT, schema, json.loads(response.data))), said
    for name, header in promised.get("headers", {}).items():
        assert name in response.headers or not header.get("required"), name


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [pytest.param(*own, id=own[2]["operationId"]) for own in OPERATIONS if _offered(own[2])],
)
@settings(
    max_examples=2_000 if NIGHTLY else 30,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow
    ],
)  # fmt: skip
@given(data=st.data())
def test_a_client_of_the_description_is_answered_as_it_says(
    app: Flask, method: str, path: str, operation: dict[str, Any], data: st.DataObject
) -> None:
    made = data.draw(requests(operation))
    url = path.format_map({name: quote(value, safe="") for name, value in made["path"].items()})
    response = app.test_client().open(
        url, method=method, query_string=made["query"], headers=made["headers"], data=made["data"]
    )
    held_against(operation, response)
    if operation["operationId"] == "unload" and response.status_code == 200:
        app.test_client().post(
            "/v2/repository/models/m/load", headers={"Authorization": f"Bearer {TOKEN}"}
        )


GOOD: dict[str, Any] = {
    "infer": {"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 2],
                          "data": [[1, 2]]}], "id": "x", "outputs": [{"name": "score"}]},
    "predict": {"features": {"a": 1, "b": 2.5}},
    "invocations": {"instances": [[1, 2]]},
    "index": {"ready": True},
    "load": {"parameters": {"version": "2", "default": False, "warm": True}},
    "unload": {"parameters": {"version": "2"}},
}  # fmt: skip


def test_each_good_request_is_one_of_the_description_and_is_done(app: Flask) -> None:
    """One of each: what is only ever refused would be described truly, too."""
    client = app.test_client()
    for method, path, operation in OPERATIONS:
        if not _offered(operation):
            continue
        name = re.sub(r"_\d$", "", operation["operationId"])
        names = {"model": "m", "version": "1", "entity": "u 1", "domain": "finance"}
        body = GOOD.get(name)
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            assert not (said := wrong(DOCUMENT, schema, body)), said
        response = client.open(
            path.format_map(names),
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert response.status_code == 200, (path, response.data[:300])
        held_against(operation, response)


def test_what_is_not_offered_is_described_too(app: Flask) -> None:
    refused = [own for own in OPERATIONS if not _offered(own[2])]
    assert len(refused) > 20
    for method, path, operation in refused:
        for part, status in (("m", 501), ("m\n", 404 if path.endswith("{rest}") else 501)):
            names = dict.fromkeys(("model", "version", "rest"), quote(part))
            response = app.test_client().open(path.format_map(names), method=method)
            assert response.status_code == status
            held_against(operation, response)


def test_raw_bytes_are_answered_as_described(app: Flask) -> None:
    body, length = write_infer(np.ones((3, 2), np.float32))
    headers = {HEADER_LENGTH: str(length), "Content-Type": BINARY_TYPE}
    response = app.test_client().post("/v2/models/m/infer", data=body, headers=headers)
    assert (response.status_code, response.mimetype) == (200, BINARY_TYPE)
    held_against(DOCUMENT["paths"]["/v2/models/{model}/infer"]["post"], response)


def test_without_a_token_of_its_own_a_service_changes_nothing(tmp_path: Path) -> None:
    client = create_service(Shelf(Registry(tmp_path)), max_rows=9, max_body=99).test_client()
    changing = [own for own in OPERATIONS if "security" in own[2]]
    assert len(changing) == 2
    for method, path, operation in changing:
        response = client.open(path.format(model="m"), method=method, json={})
        assert response.status_code == 403
        held_against(operation, response)


def test_a_running_service_gives_its_description(service: Service) -> None:
    status, found, headers = service.call("GET", "/openapi.json")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert found == json.loads(json.dumps(DOCUMENT))
