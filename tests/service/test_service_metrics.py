"""What Prometheus reads: each request is counted once, and no client can make up a label."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sklearn.linear_model import LogisticRegression

from streamsim.models.loaded import KEPT, Shelf
from streamsim.models.registry import Registry
from streamsim.models.service import create_service
from streamsim.models.serving import service_metrics
from streamsim.streams.inference import HEADER_LENGTH, write_infer
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DAY
from streamsim.streams.spec.renewals import renewed_version
from tests.service.conftest import Service

ROWS = np.arange(40, dtype=np.float32).reshape(-1, 2)
SIGNATURE = Signature("m", "0", ("a", "b"), "hash", 0.5, (0.0, 0.0))
VERSIONS = [renewed_version("1", DAY * (20_000 + n)) for n in range(2 * KEPT)]
FEATURES = {"a": 1, "b": 2}
INFER = "POST /v2/models/<model>/infer"
Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    home, run = Registry(tmp_path / "home"), Registry(tmp_path / "run")
    fitted = LogisticRegression().fit(ROWS, np.arange(20) % 2)
    home.add(fitted, SIGNATURE, metrics={}, data={}, card="", created="")
    home.promote("m", "1")
    for version in VERSIONS:
        run.put(fitted, replace(SIGNATURE, version=version), data={}, created="")
    shelf = Shelf(home, run)
    shelf.load("m")
    return shelf


@pytest.fixture
def client(shelf: Shelf) -> Any:
    return create_service(shelf, max_rows=30, max_body=1 << 16, token="t").test_client()


def scrape(client: Any) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return samples(answer.text)


def samples(text: str) -> Samples:
    return {
        (sample.name.removeprefix("streamsim_"), in_order(sample.labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def in_order(labels: dict[str, str]) -> tuple[str, ...]:
    known = ("model", "version", "route", "status", "reason", "le")
    assert labels.keys() <= set(known)
    return tuple(labels[name] for name in known if name in labels)


def infer(client: Any, rows: int, version: str = "") -> int:
    body, length = write_infer(np.ones((rows, 2), np.float32))
    path = f"/v2/models/m/versions/{version}/infer" if version else "/v2/models/m/infer"
    done = client.post(path, data=body, headers={HEADER_LENGTH: str(length)})
    return int(done.status_code)


def test_requests_rows_and_refusals_are_counted(client: Any) -> None:
    assert [infer(client, rows) for rows in (3, 20, 31)] == [200, 200, 413]
    assert infer(client, 2, VERSIONS[0]) == 200
    assert client.post("/predict", json={"features": FEATURES}).status_code == 200
    assert client.post("/v2/repository/models/m/load", json={}).status_code == 401
    found = scrape(client)
    assert found["requests_total", ("m", "1", INFER, "200")] == 2
    assert found["requests_total", ("m", "1", INFER, "413")] == 1
    assert found["request_seconds_count", ("m", "1", INFER)] == 3
    assert found["request_seconds_bucket", ("m", "1", INFER, "+Inf")] == 3
    assert found["rows_scored_total", ("m", "1")] == 24
    assert found["rows_scored_total", ("m", VERSIONS[0])] == 2
    assert found["refused_total", ("m", "too large")] == 1
    assert found["refused_total", ("", "no token")] == 1
    assert found["versions_loaded", ("m",)] == 2
    assert found["default_version", ("m", "1")] == 1
    assert found["requests_in_flight", ()] == 1  # the one that asks
    assert scrape(client)["requests_total", ("", "", "GET /metrics", "200")] == 1


def test_what_a_client_makes_up_is_in_no_label(client: Any) -> None:
    scrape(client)
    before = len(scrape(client))
    for number in range(40):
        made_up = f"patient-{number}"
        client.get(f"/{made_up}")
        client.get(f"/v2/models/{made_up}")
        client.get(f"/v2/models/m/versions/{made_up}")
        client.open("/predict", method=f"X{number}")
        client.open(f"/{made_up}", method=f"X{number}")
        client.post("/predict", json={"model": made_up, "features": FEATURES})
        client.get(f"/recommend/{made_up}")
    found = scrape(client)
    assert not [labels for _, labels in found if "patient" in str(labels) or "X3" in str(labels)]
    assert found["requests_total", ("", "", "unknown", "404")] == 80
    assert found["requests_total", ("", "", "unknown", "405")] == 40
    assert len(found) - before < 30


def test_versions_that_are_gone_are_told_once_more_and_then_forgotten(client: Any) -> None:
    for version in VERSIONS:
        assert infer(client, 1, version) == 200
    told = {labels[1] for name, labels in scrape(client) if name == "rows_scored_total"}
    assert told == set(VERSIONS)
    left = {labels[1] for name, labels in scrape(client) if name == "rows_scored_total"}
    assert left == set(VERSIONS[-KEPT:])
    assert infer(client, 1, VERSIONS[0]) == 200  # it is back, and begins anew
    assert scrape(client)["rows_scored_total", ("m", VERSIONS[0])] == 1


def test_without_a_scrape_the_figures_are_of_so_many_versions(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_metrics, "MOST_VERSIONS", KEPT + 2)
    for version in VERSIONS:
        assert infer(client, 1, version) == 200
    told = {labels[1] for name, labels in scrape(client) if name == "request_seconds_count"}
    assert len(told) <= KEPT + 4 < len(VERSIONS)


def test_requests_of_several_threads_are_each_counted(shelf: Shelf, client: Any) -> None:
    app, together = client.application, threading.Barrier(8)

    def ask() -> None:
        together.wait()
        for _ in range(25):
            assert infer(app.test_client(), 2) == 200

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(ask) for _ in range(8)]:
            done.result()
    found = scrape(client)
    assert found["requests_total", ("m", "1", INFER, "200")] == 200
    assert found["rows_scored_total", ("m", "1")] == 400
    assert found["requests_in_flight", ()] == 1


def test_an_error_of_our_own_is_counted_and_ends(shelf: Shelf, client: Any) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("of our own making")

    shelf.get = fail  # type: ignore[method-assign, assignment]
    assert client.post("/predict", json={"model": "m", "features": FEATURES}).status_code == 500
    found = scrape(client)
    assert found["requests_total", ("", "", "POST /predict", "500")] == 1
    assert found["refused_total", ("", "other")] == 1
    assert found["requests_in_flight", ()] == 1


def test_a_running_service_is_scraped(service: Service) -> None:
    status, text, headers = service.call("GET", "/metrics")
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    assert samples(text.decode())["versions_loaded", (service.signature.model,)] >= 1
