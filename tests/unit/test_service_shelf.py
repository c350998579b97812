"""Renewed versions: they are read when they are asked for, and older ones go first."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from sklearn.linear_model import LogisticRegression

from streamsim.models.loaded import KEPT, Shelf
from streamsim.models.registry import Registry
from streamsim.models.service import create_service
from streamsim.streams.errors import BadRequest
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DAY
from streamsim.streams.spec.renewals import renewed_version

ROWS = np.arange(40, dtype=np.float32).reshape(-1, 2)
SIGNATURE = Signature("m", "0", ("a", "b"), "hash", 0.5, (0.0, 0.0))
VERSIONS = [renewed_version("1", DAY * (20_000 + n)) for n in range(KEPT + 3)]


def fitted(shift: int) -> LogisticRegression:
    return LogisticRegression().fit(ROWS, (np.arange(20) + shift) % 20 < 10)


@pytest.fixture
def made(tmp_path: Path) -> Registry:
    made = Registry(tmp_path / "run" / "models")
    for number, version in enumerate(VERSIONS):
        made.put(fitted(number), replace(SIGNATURE, version=version), data={}, created="")
    return made


@pytest.fixture
def shelf(tmp_path: Path, made: Registry) -> Shelf:
    released = Registry(tmp_path / "registry")
    signature = released.add(fitted(0), SIGNATURE, metrics={}, data={}, card="", created="")
    released.promote("m", signature.version)
    shelf = Shelf(released, made)
    shelf.load("m")
    return shelf


def test_a_version_is_read_when_it_is_first_asked_for(shelf: Shelf, made: Registry) -> None:
    assert shelf.versions("m") == ["1"]
    expected = made.load("m", VERSIONS[2])[0].predict_proba(ROWS)[:, 1]
    assert shelf.get("m", VERSIONS[2]).score(ROWS).tolist() == expected.tolist()
    assert shelf.versions("m") == ["1", VERSIONS[2]]
    assert shelf.get("m").signature.version == "1"  # which answers by default is for others to say


def test_a_version_that_nobody_has_made_is_not_there(shelf: Shelf) -> None:
    for version in ("1-20991231T0000", "1-../../registry", "1-", "2", ""):
        with pytest.raises(BadRequest, match="is not loaded") as refused:
            shelf.get("m", version)
        assert refused.value.status == 404
    with pytest.raises(BadRequest, match="is not loaded"):
        shelf.get("another", VERSIONS[0])


def test_those_go_that_were_asked_for_longest_ago_and_come_back(shelf: Shelf) -> None:
    first = shelf.get("m", VERSIONS[0]).score(ROWS).tolist()
    for version in VERSIONS[1:KEPT]:
        shelf.get("m", version)
    shelf.get("m", VERSIONS[0])
    shelf.get("m", VERSIONS[KEPT])
    assert shelf.versions("m") == ["1", VERSIONS[0], *VERSIONS[2 : KEPT + 1]]
    for version in VERSIONS[1:]:
        shelf.get("m", version)
    assert VERSIONS[0] not in shelf.versions("m")
    assert "1" in shelf.versions("m")
    assert shelf.get("m", VERSIONS[0]).score(ROWS).tolist() == first


def test_what_answers_by_default_stays(shelf: Shelf) -> None:
    shelf.load("m", VERSIONS[0])
    for version in VERSIONS[1:]:
        shelf.get("m", version)
    assert shelf.get("m").signature.version == VERSIONS[0]


def test_many_may_ask_for_a_new_version_at_once(shelf: Shelf) -> None:
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(shelf.get("m", VERSIONS[1]))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_version_that_is_there_already_stays(made: Registry) -> None:
    before = made.release("m", VERSIONS[0])
    made.put(fitted(7), replace(SIGNATURE, version=VERSIONS[0]), data={}, created="later")
    assert made.release("m", VERSIONS[0]) == before
    assert made.versions("m") == VERSIONS


def test_the_next_release_takes_the_next_number(made: Registry) -> None:
    released = made.add(fitted(1), SIGNATURE, metrics={}, data={}, card="", created="")
    assert released.version == "2"


def test_the_service_answers_with_what_is_asked_for(shelf: Shelf) -> None:
    client = create_service(shelf, max_rows=100, max_body=10_000, token="t").test_client()
    body = {"model": "m", "features": {"a": 1, "b": 2}}
    assert client.post("/predict", json=body).json["version"] == "1"
    asked = client.post("/predict", json={**body, "version": VERSIONS[3]})
    assert asked.json["version"] == VERSIONS[3]
    missing = client.post("/predict", json={**body, "version": "1-20991231T0000"})
    assert missing.status_code == 404
    load = "/v2/repository/models/m/load"
    parameters = {"parameters": {"version": VERSIONS[4]}}
    assert client.post(load, json=parameters).status_code == 401
    done = client.post(load, json=parameters, headers={"Authorization": "Bearer t"})
    assert done.json == {"name": "m", "version": VERSIONS[4]}
    assert client.post("/predict", json=body).json["version"] == VERSIONS[4]
    index = client.post("/v2/repository/index").json
    assert [row["version"] for row in index] == ["1", VERSIONS[3], VERSIONS[4]]
    ready = f"/v2/models/m/versions/{VERSIONS[5]}/ready"
    assert orjson.loads(client.get(ready).data)["ready"]
