"""The model service and clients that were not written here: what they send, and how they fail."""

from __future__ import annotations

import gzip
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from streamsim.models.serving.connections import MOST, REQUEST_S
from tests.service.conftest import MAX_BODY, TOKEN, Service
from tests.service.test_protocol import INFER, MODEL, tensor
from tests.stacks import until

JSON = {"Content-Type": "application/json"}
MANY = 150


def plain(service: Service) -> dict[str, Any]:
    return {"features": dict(zip(service.signature.features, service.signature.reference,
                                 strict=True))}  # fmt: skip


def test_a_packed_body_is_read(service: Service) -> None:
    body = json.dumps(plain(service)).encode()
    for packed in (gzip.compress(body), gzip.compress(body[:50]) + gzip.compress(body[50:])):
        status, answer, _ = service.call("POST", "/predict", packed, {"Content-Encoding": "gzip"})
        assert status == 200
        assert len(answer["scores"]) == 1


@pytest.mark.parametrize(
    ("body", "coding", "expected"),
    [
        (b"x", "gzip", 400),
        (gzip.compress(b'{"features": {}}')[:-9], "gzip", 400),
        (gzip.compress(b" " * (MAX_BODY + 1)), "gzip", 413),
        (gzip.compress(b" " * MAX_BODY) + gzip.compress(b"{}"), "gzip", 413),
        (b"{}", "br", 415),
    ],
    ids=["no gzip", "cut off", "too large", "too large together", "another coding"],
)
def test_a_body_that_cannot_be_unpacked_is_refused(
    service: Service, body: bytes, coding: str, expected: int
) -> None:
    status, answer, headers = service.call("POST", INFER, body, {"Content-Encoding": coding})
    assert status == expected
    assert "error" in answer
    assert (status != 415) or headers["Accept-Encoding"] == "gzip, identity"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("APPLICATION/JSON", 200),
        ("application/vnd.api+json", 200),
        ("application/x-www-form-urlencoded", 200),  # what curl -d says of any body
        ("text/plain", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/xml", 415),
    ],
)
def test_the_type_of_a_body_is_checked(service: Service, kind: str, expected: int) -> None:
    headers = {"Content-Type": kind}
    assert service.call("POST", "/predict", plain(service), headers)[0] == expected


def test_who_may_not_is_told_how_to_ask(service: Service) -> None:
    path = f"/v2/repository/models/{MODEL}/load"
    for given in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer wrong"}):
        status, _, headers = service.call("POST", path, {}, given)
        assert status == 401
        assert {name.lower(): text for name, text in headers.items()}[
            "www-authenticate"
        ].startswith("Bearer")
    for scheme in ("bearer", "BEARER", "Bearer"):
        assert service.call("POST", path, {}, {"Authorization": f"{scheme} {TOKEN}"})[0] == 200


def test_a_slash_at_the_end_makes_no_difference(service: Service) -> None:
    for path in ("/v2/", "/v2/health/ready/", f"/v2/models/{MODEL}/", f"/v2/models/{MODEL}/ready/"):
        assert service.call("GET", path)[0] == 200
    assert service.call("POST", "/predict/", plain(service))[0] == 200


@pytest.mark.parametrize(
    "path",
    [f"/v2/models/{MODEL}/config", f"/v2/models/{MODEL}/versions/1/stats", "/v2/models/stats",
     "/v2/systemsharedmemory/status", "/v2/logging", "/v2/trace/setting"],
)  # fmt: skip
def test_what_triton_offers_beyond_the_protocol_is_not_implemented(
    service: Service, path: str
) -> None:
    status, body, _ = service.call("GET", path)
    assert status == 501
    assert "Triton" in body["error"]


def test_outputs_are_asked_for_by_name(service: Service) -> None:
    request = tensor(2, len(service.signature.features))
    for outputs in ([{"name": "score"}], [], None):
        asked = request if outputs is None else {**request, "outputs": outputs}
        status, answer, _ = service.call("POST", INFER, asked, JSON)
        assert status == 200
        assert [own["name"] for own in answer["outputs"]] == ["score"]
    for outputs, complaint in (
        ([{"name": "other"}], "no output 'other'; there are: score"),
        ([{"name": "score"}, {"name": "score"}], "asked for twice"),
        (["score"], "list of objects"),
        ([{"name": ["score"]}], "no output"),
    ):
        status, answer, _ = service.call("POST", INFER, {**request, "outputs": outputs}, JSON)
        assert status == 400
        assert complaint in answer["error"]


def test_mlflows_clients_are_answered(service: Service) -> None:
    assert service.call("GET", "/ping")[0] == 200
    named = plain(service)["features"]
    names, values = list(named), list(named.values())
    for asked in (
        {"dataframe_split": {"columns": names, "data": [values, values]}},
        {"dataframe_records": [named, named]},
        {"instances": [values, named]},
        {"inputs": {name: [value, value] for name, value in named.items()}},
    ):
        status, answer, _ = service.call("POST", "/invocations", asked, JSON)
        assert status == 200, answer
        first, second = answer["predictions"]
        assert first == second < service.signature.threshold
    for asked in (
        {}, {"instances": [[1]]}, {"instances": 1}, {"inputs": {"amount": 1}},
        {"inputs": {"a": [1], "b": []}}, {"dataframe_split": {"columns": [[]], "data": []}},
        {"dataframe_split": []}, {"instances": [], "inputs": []}, {"instances": [named], "x": 1},
    ):  # fmt: skip
        status, answer, _ = service.call("POST", "/invocations", asked, JSON)
        assert status == 400, asked
        assert "error" in answer


def test_two_lengths_are_refused(service: Service) -> None:
    raw = (
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as client:
        client.sendall(raw)
        answer = b""
        while part := client.recv(65536):  # until it is closed
            answer += part
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"not both" in answer


def open_connection(service: Service, stack: ExitStack, first: bytes) -> socket.socket:
    client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=10))
    client.sendall(first)
    return client


HALF = b"POST /predict HTTP/1.1\r\nContent-Length: 900\r\n\r\n{"


@pytest.mark.parametrize("first", [b"", HALF[:30], HALF])
def test_half_open_connections_keep_no_other_client_out(service: Service, first: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(MANY):
            open_connection(service, stack, first)
        assert service.call("GET", "/v2/health/ready")[0] == 200
        assert service.call("POST", "/predict", plain(service))[0] == 200


def test_more_connections_than_there_may_be_make_room_for_new_ones(service: Service) -> None:
    with ExitStack() as stack:
        for _ in range(MOST + 50):
            open_connection(service, stack, b"GET /v2 HTTP/1.1\r\n")
        assert service.call("GET", "/v2/health/ready")[0] == 200


def test_a_thousand_requests_at_once_are_answered(service: Service) -> None:
    body = plain(service)
    with ThreadPoolExecutor(100) as pool:
        asked = pool.map(lambda _: service.call("POST", "/predict", body), range(1_000))
        found = [(status, headers) for status, _, headers in asked]
    assert {status for status, _ in found} <= {200, 503}
    assert all(headers["Retry-After"] == "1" for status, headers in found if status == 503)
    assert service.call("POST", "/predict", body)[0] == 200


@pytest.mark.slow
def test_a_request_that_trickles_in_is_cut_off(service: Service) -> None:
    with ExitStack() as stack:
        client = open_connection(service, stack, b"POST /predict HTTP/1.1\r\n")
        began = time.monotonic()

        def cut_off() -> bool:
            client.settimeout(0.2)
            try:
                client.sendall(b"X: y\r\n")
                return client.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        until(cut_off, "the end of the connection", REQUEST_S * 3)
        assert time.monotonic() - began > REQUEST_S / 2
