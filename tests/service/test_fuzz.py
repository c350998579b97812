"""Random and mutated requests through a real socket: never a 500, never a traceback or a hang."""

from __future__ import annotations

import json
import random
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

import numpy as np
import pytest

from streamsim.streams.inference import HEADER_LENGTH, write_infer
from tests.effort import NIGHTLY, SEED
from tests.service.conftest import Service

INFER = "/v2/models/finance-fraud/infer"
PATHS = [INFER, "/predict", "/v2/repository/index", "/v2/models/finance-fraud/versions/1/infer"]
Call = tuple[str, str, bytes, dict[str, str]]


def good_calls(service: Service) -> list[Call]:
    width = len(service.signature.features)
    rows = np.ones((3, width), np.float32)
    binary, length = write_infer(rows)
    named = {"features": dict.fromkeys(service.signature.features, 1.0)}
    tensor = {
        "inputs": [
            {"name": "features", "datatype": "FP32", "shape": [3, width], "data": [1.0] * 3 * width}
        ]
    }
    return [
        ("POST", INFER, json.dumps(tensor).encode(), {}),
        ("POST", INFER, binary, {HEADER_LENGTH: str(length)}),
        ("POST", "/predict", json.dumps(named).encode(), {}),
        ("POST", "/v2/repository/index", b'{"ready": true}', {}),
    ]


def mutate(call: Call, draw: random.Random) -> Call:
    """Change a good call in a few places: bytes, lengths, JSON values, headers, paths."""
    method, path, body, headers = call
    data = bytearray(body)
    for _ in range(draw.randint(0, 4)):
        kind = draw.randrange(7)
        if kind == 0 and data:
            data[draw.randrange(len(data))] = draw.randrange(256)
        elif kind == 1:
            data = data[: draw.randrange(len(data) + 1)]
        elif kind == 2:
            at = draw.randrange(len(data) + 1)
            data[at:at] = draw.randbytes(draw.randint(1, 30))
        elif kind == 3:
            junk = draw.choice([b"null", b"NaN", b"-1", b"1e999", b'"x"', b"[]", b"{}", b"true"])
            text = bytes(data).replace(b"1.0", junk, draw.randint(1, 3))
            data = bytearray(text)
        elif kind == 4:
            lengths = ["0", "1", "-5", "9" * 20, "x", str(len(data) + 1), str(len(data) // 2)]
            headers = {**headers, HEADER_LENGTH: draw.choice(lengths)}
        elif kind == 5:
            path = draw.choice([*PATHS, "/", "/v2/models/%00/infer", "/v2/models/" + "a" * 500])
        else:
            data = bytearray(draw.randbytes(draw.randint(0, 300)))
    return method, path, bytes(data), headers


def storm(service: Service, seed: int, count: int) -> Counter[int]:
    """Send mutated calls over one connection at a time; count the answers by status."""
    draw, calls, seen = random.Random(seed), good_calls(service), Counter[int]()
    connection = HTTPConnection("127.0.0.1", service.port, timeout=20)
    for number in range(count):
        method, path, body, headers = mutate(draw.choice(calls), draw)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except (HTTPException, ConnectionError) as error:
            raise AssertionError(f"seed {seed}, request {number}: {error!r}") from error
        seen[response.status] += 1
        assert response.status < 500, (seed, number, body[:200], answer[:300])
        assert b"Traceback" not in answer, (seed, number)
        if response.getheader("Connection", "").lower() == "close":
            connection.close()
    connection.close()
    return seen


def test_some_mutated_requests(service: Service) -> None:
    seen = storm(service, seed=1, count=2_000)
    assert seen[200] > 100
    assert seen[400] > 500


@pytest.mark.slow
def test_many_mutated_requests_at_once(service: Service) -> None:
    """Ten thousand requests; a million by night."""
    each = 250_000 if NIGHTLY else 2_500
    with ThreadPoolExecutor(4) as pool:
        seeds = range(SEED, SEED + 4)
        parts = list(pool.map(lambda seed: storm(service, seed, each), seeds))
    total = sum(parts, Counter[int]())
    print(f"{sum(total.values()):,} requests by status: {dict(sorted(total.items()))}")
    assert sum(total.values()) == 4 * each


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 64,
        b"GET\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n{}",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\n\r\n",
        b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"features":',
        b"POST /predict HTTP/9.9\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_hardly_http_is_answered_or_closed(service: Service, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        answer = b""
        with suppress(ConnectionError):  # closed before all was read: an answer, too
            client.sendall(raw)
            client.shutdown(socket.SHUT_WR)  # a body that is cut off: nothing more will come
            while part := client.recv(65536):
                answer += part
    assert not answer or answer.startswith(b"HTTP/1."), answer[:100]
    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert service.call("GET", "/v2/health/live")[0] == 200
