"""Models with slates: recommendations, artefact, service and verdicts."""

from __future__ import annotations

import io
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from streamsim.consumers.monitor.label_join import LabelJoin
from streamsim.consumers.monitor.labelled_scores import read_labelled
from streamsim.consumers.predict.plans import Answering
from streamsim.consumers.state.store import Parts
from streamsim.models.loaded import Loaded, Shelf, answer
from streamsim.models.registry import Registry
from streamsim.models.renewed_arrays import pack_arrays, unpack_arrays
from streamsim.models.service import create_service
from streamsim.simulator.report.judge import join_labels
from streamsim.streams.answers import answers, items_of, scores_of
from streamsim.streams.domains.technology import SPEC
from streamsim.streams.domains.technology.model import slate_hits
from streamsim.streams.domains.technology.ranking import alike
from streamsim.streams.domains.technology.recommender import SlateClassifier
from streamsim.streams.errors import ModelError
from streamsim.streams.events import NO_TIME, Events, Ints, as_objects
from streamsim.streams.inference import (
    HEADER_LENGTH,
    InferRequest,
    read_response,
    write_infer,
    write_response,
)
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DAY
from streamsim.streams.spec.renewals import renewed_version
from streamsim.streams.stored.packing import pack, unpack

HISTORY, OFFERED, SIZE, TITLES = 6, 6, 4, 40
NAMES = (*(f"title_{i}" for i in range(HISTORY)), "offered", "other")


def rows_of(seed: int, n: int) -> tuple[np.ndarray, Ints]:
    """Return rows of users who like even titles or odd ones, and their next titles."""
    draw = np.random.default_rng(seed)
    odd = draw.integers(0, 2, n)
    length = draw.integers(0, HISTORY + 1, n)
    titles = np.full((n, HISTORY + 1), -1)
    for row in range(n):
        own = 2 * draw.permutation(TITLES // 2)[: length[row] + 1] + 1 + odd[row]
        titles[row, : len(own)] = own
    X = np.column_stack([titles[:, 1:], np.full(n, TITLES), draw.random(n)]).astype(np.float32)
    return X, titles[:, 0]


@pytest.fixture(scope="module")
def fitted() -> SlateClassifier:
    from sklearn.ensemble import HistGradientBoostingClassifier

    classifier = HistGradientBoostingClassifier(max_iter=5, early_stopping=False)
    model = SlateClassifier(HISTORY, OFFERED, classifier, size=SIZE, thin=1)
    return model.fit(*rows_of(0, 4_000))


@pytest.fixture(scope="module")
def loaded(fitted: SlateClassifier, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    registry = Registry(tmp_path_factory.mktemp("slates"))
    signature = Signature("next", "0", NAMES, "hash", 0.9, (0.0,) * len(NAMES))
    registry.add(fitted, signature, metrics={}, data={}, card="", created="")  # type: ignore[arg-type]
    return Loaded(*registry.load("next", "1"))


def test_a_slate_goes_with_what_was_seen_and_shows_none_of_it(fitted: SlateClassifier) -> None:
    X, _ = rows_of(1, 300)
    X = X[(X[:, :HISTORY] > 0).sum(axis=1) >= 3]
    _, items = fitted.recommend(X)
    assert items.shape == (len(X), SIZE)
    assert ((items % 2) == (X[:, :1] % 2)).mean() > 0.95
    assert not (items[:, :, None] == X[:, None, :HISTORY]).any()


def test_what_is_not_on_offer_yet_is_not_put_forward(fitted: SlateClassifier) -> None:
    X, _ = rows_of(2, 100)
    X[:, OFFERED] = 12
    _, items = fitted.recommend(X)
    assert items.max() <= 12
    X[:, OFFERED] = 2
    _, few = fitted.recommend(X)
    assert set(few.ravel().tolist()) <= {0, 1, 2}


def test_whoever_has_no_history_is_shown_what_most_have_played(fitted: SlateClassifier) -> None:
    X = np.full((1, len(NAMES)), -1, np.float32)
    X[:, OFFERED] = TITLES
    np.testing.assert_array_equal(fitted.recommend(X)[1], fitted.popular(X))


def test_a_row_is_answered_the_same_in_any_company(fitted: SlateClassifier) -> None:
    X, _ = rows_of(3, 200)
    scores, items = fitted.recommend(X)
    for row in (0, 57, 199):
        one, own = fitted.recommend(X[row : row + 1])
        assert one[0] == scores[row]
        assert own[0].tolist() == items[row].tolist()


def test_the_artefact_answers_as_what_was_released(fitted: SlateClassifier, loaded: Loaded) -> None:
    X, _ = rows_of(4, 100)
    scores, items = fitted.recommend(X)
    found = loaded.answer(X)
    np.testing.assert_array_equal(scores_of(found), scores)
    np.testing.assert_array_equal(items_of(found), items)
    np.testing.assert_array_equal(loaded.score(X), scores)


@pytest.fixture
def varied(fitted: SlateClassifier) -> SlateClassifier:
    found = copy(fitted)
    found.diversity = 0.6
    return found


def test_a_varied_slate_begins_with_the_best_and_goes_on_with_what_is_unlike(
    fitted: SlateClassifier, varied: SlateClassifier
) -> None:
    X, _ = rows_of(6, 300)
    near = alike(fitted.weights_)
    (_, plain), (_, items) = fitted.recommend(X), varied.recommend(X)
    np.testing.assert_array_equal(items[:, 0], plain[:, 0])
    np.testing.assert_array_equal(items, fitted.slates(X, diversity=0.6))
    assert not (items[:, :, None] == X[:, None, :HISTORY]).any()
    assert all(len(set(row)) == SIZE for row in items.tolist())
    of = [near[rows[:, :, None] - 1, rows[:, None, :] - 1].mean() for rows in (plain, items)]
    assert of[1] < of[0] - 0.01


def test_a_row_is_varied_the_same_in_any_company_and_after_it_was_stored(
    varied: SlateClassifier, tmp_path: Path
) -> None:
    X, _ = rows_of(7, 200)
    scores, items = varied.recommend(X)
    registry = Registry(tmp_path)
    signature = Signature("next", "0", NAMES, "hash", 0.9, (0.0,) * len(NAMES))
    registry.add(varied, signature, metrics={}, data={}, card="", created="")
    stored, _ = registry.load("next", "1")
    assert isinstance(stored, SlateClassifier)
    assert "_alike" not in vars(stored)
    for row in (0, 57, 199):
        one, own = stored.recommend(X[row : row + 1])
        assert one[0] == scores[row]
        assert own[0].tolist() == items[row].tolist()


def test_a_renewed_version_is_stored_as_what_differs_from_its_champion(
    varied: SlateClassifier, tmp_path: Path
) -> None:
    X, _ = rows_of(12, 200)
    champions, made = Registry(tmp_path / "registry"), Registry(tmp_path / "renewed")
    signature = Signature("next", "0", NAMES, "hash", 0.9, (0.0,) * len(NAMES))
    champions.add(varied, signature, metrics={}, data={}, card="", created="")
    seen = varied.seen()
    seen.add(np.eye(TITLES)[::-1] + np.eye(TITLES), 0.5)
    renewed = varied.renewed(seen, np.full(TITLES, 1 / TITLES))
    version = renewed_version("1", 20_000 * DAY)
    made.put(renewed, replace(signature, version=version), data={}, created="")
    shelf = Shelf(champions, made)
    shelf.load("next", "1")
    stored = shelf.get("next", version)
    assert stored.signature.version == version
    np.testing.assert_array_equal(stored.answer(X), answer(renewed, X))
    assert (stored.answer(X) != answer(varied, X)).any()
    with pytest.raises(ModelError, match="is stored without its champion"):
        made.load("next", version)
    made.put(Other(), replace(signature, version=f"{version}1"), data={}, created="")
    with pytest.raises(ModelError, match="does not fit its champion"):
        made.load("next", f"{version}1", lambda: varied)
    file = tmp_path / "renewed" / "next" / version / "renewed.npz"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="is not the file that was released"):
        made.load("next", version, lambda: varied)


def test_what_is_more_than_a_renewal_is_stored_whole(
    fitted: SlateClassifier, tmp_path: Path
) -> None:
    X, _ = rows_of(13, 50)
    made, name = Registry(tmp_path), renewed_version("1", 20_000 * DAY)
    signature = Signature("next", name, NAMES, "hash", 0.9, (0.0,) * len(NAMES))
    given = {"data": {"request": "1"}, "metrics": {"hit_rate": 0.5}, "card": "# {version}, whole"}
    made.put(fitted, signature, **given, created="", is_whole=True)
    stored, _ = made.load("next", name)
    np.testing.assert_array_equal(answer(stored, X), answer(fitted, X))
    assert made.release("next", name).metrics == {"hit_rate": 0.5}
    assert made.card("next", name) == f"# {name}, whole"


def test_arrays_of_objects_are_neither_stored_nor_read() -> None:
    objects = np.array([{}], object)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        pack_arrays({"weights": objects})
    file = io.BytesIO()
    np.savez(file, weights=objects)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        unpack_arrays(file.getvalue())


class Other(SlateClassifier):
    """A renewed version of another kind of model."""

    def __init__(self) -> None:
        super().__init__(HISTORY, OFFERED, None)

    def renewed_arrays(self) -> dict[str, np.ndarray]:
        return {"coefficients": np.zeros(3)}


def test_a_model_that_was_stored_without_diversity_has_none(fitted: SlateClassifier) -> None:
    X, _ = rows_of(8, 50)
    old = copy(fitted)
    del old.diversity
    np.testing.assert_array_equal(old.recommend(X)[1], fitted.recommend(X)[1])


def test_as_many_titles_as_are_asked_for(fitted: SlateClassifier) -> None:
    X, _ = rows_of(9, 50)
    many = fitted.slates(X, 7)
    np.testing.assert_array_equal(many[:, :SIZE], fitted.recommend(X)[1])
    X[:, OFFERED] = 5
    few = fitted.slates(X, 20, 0.5)
    assert few.shape == (50, 20)
    assert (few[:, 5:] == 0).all()
    assert fitted.slates(X[:0], 3).shape == (0, 3)


def test_a_user_is_recommended_to_on_request(loaded: Loaded, tmp_path: Path) -> None:
    """By the inference protocol, as JSON and as bytes, and by plain names."""
    registry = Registry(tmp_path)
    registry.add(loaded.estimator, loaded.signature, metrics={}, data={}, card="", created="")
    registry.promote("next", "1")
    shelf = Shelf(registry)
    shelf.load("next")
    client = create_service(shelf, max_rows=100, max_body=1 << 20).test_client()
    X, _ = rows_of(5, 3)
    _, items = loaded.estimator.recommend(X)  # type: ignore[attr-defined]

    outputs = client.get("/v2/models/next").get_json()["outputs"]
    assert outputs[1] == {"name": "items", "datatype": "INT64", "shape": [-1, -1]}
    tensor = {"name": "features", "datatype": "FP32", "shape": list(X.shape), "data": X.tolist()}
    said = client.post("/v2/models/next/infer", json={"inputs": [tensor]}).get_json()
    assert said["outputs"][1]["shape"] == [3, SIZE]
    assert said["outputs"][1]["data"] == items.ravel().tolist()

    body, length = write_infer(X)
    raw = client.post("/v2/models/next/infer", data=body, headers={HEADER_LENGTH: str(length)})
    answer = read_response(raw.data, raw.headers[HEADER_LENGTH], 3)
    np.testing.assert_array_equal(items_of(answer), items)

    named = {"rows": [dict(zip(NAMES, row, strict=True)) for row in X.tolist()]}
    assert client.post("/predict", json=named).get_json()["items"] == items.tolist()


@pytest.mark.parametrize("binary", [False, True])
def test_a_response_with_items_is_read_as_it_was_written(binary: bool) -> None:
    request = InferRequest(np.zeros((2, 1), np.float32), None, binary)
    both = answers(np.array([0.25, 0.5]), np.array([[7, 0, 3], [1, 2, 2**40]]))
    body, length = write_response("m", "1", request, both)
    np.testing.assert_array_equal(read_response(body, length and str(length), 2), both)


JUDGED = replace(
    SPEC,
    model=replace(SPEC.model, slate=replace(SPEC.model.slate, size=2)),  # type: ignore[type-var]
    alerting=replace(SPEC.alerting, accuracy=replace(SPEC.alerting.accuracy, step=10)),
)


def events_of(ids: list[str], times: list[int], **columns: object) -> Events:
    n, at = len(ids), np.array(times)
    nothing, names = np.full(n, NO_TIME), as_objects(ids)
    return Events("views", np.zeros(n, np.int64), at, at, at, nothing, names, names, columns)  # type: ignore[arg-type]


def test_a_slate_waits_for_its_label_and_is_judged_by_it_also_after_a_crash() -> None:
    joined = LabelJoin(JUDGED)
    scores, items = np.array([0.5, 0.25, 1.0]), np.array([[7, 8], [9, 1], [3, 4]])
    answering = Answering((Signature("next", "0", NAMES, "hash", 0.9, (0.0,) * len(NAMES)),))
    seen = events_of(["a", "b", "c"], [5, 6, 7], device=as_objects(["tv"] * 3))
    joined.scored(seen, scores, answering, items=items)
    labels = {"view_id": as_objects(["a", "b"]), "next_title": np.array([8, 8])}
    told = events_of(["la", "lb"], [8, 9], **labels)
    joined.labelled(told, told.event_time)
    again = LabelJoin(JUDGED)
    again.restore(0, Parts([unpack(pack(joined.snapshot(0)))]))
    for one in (joined, again):
        record = one.close(np.array([10, NO_TIME, NO_TIME, NO_TIME]))[0]
        assert record.value is not None
        made = read_labelled(record.value)
        # The third has no label.
        assert [c.tolist() for c in made.columns[:3]] == [[5, 6], [500_000, 250_000], [1, 0]]


def test_a_run_is_judged_by_the_slates_in_its_scores() -> None:
    def score(name: str, items: list[int]) -> bytes:
        row = {"event_id": name, "event_time": "2025-01-01T00:00:00.000Z", "user_id": "u"}
        return orjson.dumps({**row, "score": 0.5, "items": items})

    def label(name: str, title: int) -> bytes:
        row = {"event_id": f"next-{name}", "event_time": "2025-01-02T00:00:00.000Z"}
        return orjson.dumps({**row, "user_id": "u", "view_id": name, "next_title": title})

    scores = [score("a", [7, 8]), score("b", [7, 8]), score("c", [7, 0]), score("d", [7, 8])]
    found = join_labels(JUDGED, scores, [label("a", 8), label("b", 9), label("c", 0)], None)
    assert found.label.tolist() == [1, 0, 0, -1]
    assert found.final.tolist() == [True, True, True, False]


def test_nothing_played_is_no_hit_though_a_slate_is_not_full() -> None:
    assert slate_hits(np.array([[5, 0], [5, 0]]), np.array([0, 5])).tolist() == [0, 1]
