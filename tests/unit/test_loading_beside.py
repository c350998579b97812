"""Versions that are loaded beside others: visible when ready, and never half swapped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsim.models.loaded import WARM_ROWS, Shelf
from streamsim.models.registry import Registry
from streamsim.models.service import create_service
from streamsim.models.serving.call_limits import INSIDE
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Floats, Matrix
from streamsim.streams.signature import Signature
from streamsim.streams.spec import Estimator
from tests.stacks import until

SIGNATURE = Signature("m", "0", ("a", "b"), "hash", 0.5, (3.0, 4.0))
LOAD, UNLOAD = "/v2/repository/models/m/load", "/v2/repository/models/m/unload"
TOKEN = {"Authorization": "Bearer t"}
BODY = {"model": "m", "features": {"a": 1, "b": 2}}


class Constant:
    """Answers with one chance, after what a test lets happen first."""

    def __init__(self, chance: float, first: Callable[[Matrix], None] = lambda rows: None) -> None:
        self._chance, self._first = chance, first
        self.seen: list[Matrix] = []

    def fit(self, X: Any, y: Any) -> Constant:
        return self

    def predict_proba(self, rows: Matrix) -> Floats:
        self.seen.append(rows)
        self._first(rows)
        return np.tile([1 - self._chance, self._chance], (len(rows), 1))


class Models(Registry):
    """A registry of estimators in memory."""

    def __init__(self, **made: Estimator) -> None:
        super().__init__(Path("/nowhere"))
        self.made: dict[str, Estimator] = {name.strip("v"): own for name, own in made.items()}

    def models(self) -> list[str]:
        return ["m"]

    def versions(self, model: str) -> list[str]:
        return sorted(self.made) if model == "m" else []

    def alias(self, model: str, name: str) -> str | None:
        return "1"

    def load(
        self, model: str, version: str, champion: Callable[[], Estimator] | None = None
    ) -> tuple[Estimator, Signature]:
        if version not in self.versions(model):
            raise ModelError(f"no model {model} {version}")
        return self.made[version], replace(SIGNATURE, version=version)


def client(shelf: Shelf) -> Any:
    return create_service(shelf, max_rows=100, max_body=10_000, token="t").test_client()


def load(asking: Any, version: str, **parameters: Any) -> tuple[int, Any]:
    body = {"parameters": {"version": version, **parameters}}
    done = asking.post(LOAD, json=body, headers=TOKEN)
    return done.status_code, done.json


class Gate:
    """Lets a call begin, and waits until it may go on."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, rows: Matrix) -> None:
        if len(rows) == 1 and rows[0, 0] == 1:  # not what warms it
            self.wait()

    def wait(self, *_: Any) -> None:
        self.begun.set()
        assert self.may_end.wait(20)


def test_a_request_in_flight_is_answered_by_the_version_it_began_with() -> None:
    gate = Gate()
    shelf = Shelf(Models(v1=Constant(0.25, gate), v2=Constant(0.75)))
    shelf.load("m")
    asking = client(shelf)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(lambda: client(shelf).post("/predict", json=BODY).json)
        assert gate.begun.wait(20)
        assert load(asking, "2") == (200, {"name": "m", "version": "2"})
        done = asking.post(UNLOAD, json={"parameters": {"version": "1"}}, headers=TOKEN)
        assert done.status_code == 200
        swapped = asking.post("/predict", json=BODY).json
        gate.may_end.set()
        assert (slow.result()["version"], slow.result()["scores"]) == ("1", [0.25])
    assert (swapped["version"], swapped["scores"]) == ("2", [0.75])
    assert shelf.versions("m") == ["2"]


def test_a_version_is_visible_once_it_is_warm() -> None:
    gate = Gate()
    new = Constant(0.75, gate.wait)
    shelf = Shelf(Models(v1=Constant(0.25), v2=new))
    shelf.load("m")
    asking = client(shelf)
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(lambda: load(client(shelf), "2"))
        assert gate.begun.wait(20)
        assert asking.post("/predict", json=BODY).json["version"] == "1"
        assert asking.get("/v2/models/m/versions/2/ready").status_code == 404
        gate.may_end.set()
        assert loading.result()[0] == 200
    assert asking.post("/predict", json=BODY).json["version"] == "2"
    assert tuple(map(len, new.seen[:2])) == WARM_ROWS
    assert all((rows == [3.0, 4.0]).all() for rows in new.seen[:2])


def test_a_version_may_be_loaded_cold_and_without_answering_by_default() -> None:
    cold = Constant(0.75)
    shelf = Shelf(Models(v1=Constant(0.25), v2=cold))
    shelf.load("m")
    asking = client(shelf)
    assert load(asking, "2", default=False, warm=False)[0] == 200
    assert cold.seen == []
    assert asking.post("/predict", json=BODY).json["version"] == "1"
    assert asking.post("/predict", json={**BODY, "version": "2"}).json["scores"] == [0.75]


def test_without_a_default_a_version_must_be_named() -> None:
    shelf = Shelf(Models(v1=Constant(0.25)))
    asking = client(shelf)
    assert load(asking, "1", default=False)[0] == 200
    refused = asking.post("/predict", json=BODY)
    assert refused.status_code == 404
    assert refused.json["error"].endswith("is not loaded as the default; say which version: 1")
    assert asking.post("/predict", json={**BODY, "version": "1"}).status_code == 200
    assert asking.post(UNLOAD, json={}, headers=TOKEN).status_code == 200


def fail(rows: Matrix) -> None:
    raise ValueError("a line\nand another")


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (Constant(0.5, fail), "m 2 does not score its usual row: ValueError('a line"),
        (Constant(7.0), "m 2: its scores of its usual row are no chances"),
        (Constant(np.nan), "m 2: its scores of its usual row are no chances"),
    ],
)
def test_a_version_that_fails_leaves_the_old_one_whole(new: Constant, reason: str) -> None:
    models = Models(v1=Constant(0.25), v2=new)
    shelf = Shelf(models)
    shelf.load("m")
    asking = client(shelf)
    for parameters in ({}, {"default": False}):
        status, said = load(asking, "2", **parameters)
        assert status == 400
        assert said["error"].startswith(reason)
        assert "\n" not in said["error"]
    assert load(asking, "3") == (404, {"error": "no model m 3"})
    assert shelf.versions("m") == ["1"]
    assert asking.post("/predict", json=BODY).json["version"] == "1"


@pytest.mark.parametrize("chance", [7.0, -0.1, 1e300])
def test_a_score_that_is_no_chance_is_a_failure_of_its_version(chance: float) -> None:
    shelf = Shelf(Models(v1=Constant(chance)))
    shelf.load("m", warmed=False)
    answer = client(shelf).post("/predict", json=BODY)
    assert (answer.status_code, answer.json) == (500, {"error": "its scores are no chances"})


def test_a_version_of_the_run_goes_first_whatever_it_is_called() -> None:
    home = Models(v1=Constant(0.25), v4=Constant(0.1), v5=Constant(0.2))
    run = Models(**{"4": Constant(0.9), "3-20250113T0000": Constant(0.8)})
    shelf = Shelf(home, run)
    shelf.load("m")
    asking = client(shelf)
    for version, score in (("4", 0.9), ("3-20250113T0000", 0.8)):
        asked = asking.post("/predict", json={**BODY, "version": version})
        assert asked.json["scores"] == [score]
    assert asking.post("/predict", json={**BODY, "version": "5"}).status_code == 404
    assert asking.post("/predict", json=BODY).json["version"] == "1"
    run.made["6"] = Constant(0.5, fail)
    refused = asking.post("/predict", json={**BODY, "version": "6"})
    assert refused.status_code == 404
    assert "is not loaded: m 6 does not score its usual row" in refused.json["error"]


def test_the_default_version_is_not_taken_away_from_beside_others() -> None:
    shelf = Shelf(Models(v1=Constant(0.25), v2=Constant(0.75)))
    shelf.load("m")
    shelf.load("m", "2", default=False)
    asking = client(shelf)

    def unload(**parameters: Any) -> int:
        done = asking.post(UNLOAD, json={"parameters": parameters}, headers=TOKEN)
        return int(done.status_code)

    assert unload(version="1") == 409
    assert unload(version="9") == 404
    assert unload(version="2", unload_dependents=False) == 200  # as Triton's client says it
    assert shelf.versions("m") == ["1"]
    assert unload(version="1") == 200
    assert shelf.models() == []
    assert unload() == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (LOAD, {"parameters": {"defualt": False}}),
        (LOAD, {"parameters": {"default": "no"}}),
        (LOAD, {"parameters": {"default": None}}),
        (LOAD, {"parameters": {"warm": 1}}),
        (LOAD, {"parameters": {"version": 2}}),
        (LOAD, {"parameters": [1]}),
        (LOAD, {"version": "2"}),
        (UNLOAD, {"parameters": {"default": False}}),
        (UNLOAD, {"version": "2"}),
    ],
)
def test_a_misspelt_parameter_is_refused_and_not_taken_for_its_default(
    path: str, body: dict[str, Any]
) -> None:
    shelf = Shelf(Models(v1=Constant(0.25)))
    shelf.load("m")
    asking = client(shelf)
    for headers, status in (({}, 401), ({"Authorization": "Bearer x"}, 401), (TOKEN, 400)):
        refused = asking.post(path, json=body, headers=headers)
        assert refused.status_code == status
    assert "\n" not in refused.json["error"]
    assert shelf.versions("m") == ["1"]


def test_too_many_that_wait_for_a_version_are_told_to_come_again() -> None:
    gate = Gate()
    run = Models(v7=Constant(0.5, gate.wait))
    shelf = Shelf(Models(v1=Constant(0.25)), run)
    shelf.load("m")
    asked = {**BODY, "version": "7"}
    clients = [client(shelf) for _ in range(INSIDE)]  # apps are made one at a time
    with ThreadPoolExecutor(INSIDE) as pool:
        waiting = [
            pool.submit(lambda own: own.post("/predict", json=asked).status_code, own)
            for own in clients
        ]
        assert gate.begun.wait(20)
        asking = client(shelf)
        until(lambda: shelf._loading._here["loading of m"] == INSIDE, "all to wait")
        refused = asking.post("/predict", json=asked)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "1"
        told = asking.post(LOAD, json={"parameters": {"version": "7"}}, headers=TOKEN)
        assert (told.status_code, told.headers["Retry-After"]) == (503, "1")
        assert asking.post("/predict", json=BODY).status_code == 200
        gate.may_end.set()
        assert [own.result() for own in waiting] == [200] * INSIDE
