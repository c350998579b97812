"""Recommendations on request: by each user's newest row, also while the broker fails."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient
from kafka import KafkaProducer

from streamsim.models import score_follower
from streamsim.models.kept_columns import KeptColumns
from streamsim.models.labelled import Labelled
from streamsim.models.loaded import Shelf
from streamsim.models.newest_rows import NewestRows, Row
from streamsim.models.recommend import Slates, slates_of
from streamsim.models.registry import Registry
from streamsim.models.score_follower import ScoreFollower
from streamsim.models.service import create_service
from streamsim.producers.wire import wire
from streamsim.simulator.brokers.broker import create_topics
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.simulator.model_training import training_data
from streamsim.simulator.reading import deleted
from streamsim.simulator.run.room.retention import delete_before
from streamsim.streams.domains.technology import SPEC
from streamsim.streams.domains.technology.features import cold_start
from streamsim.streams.domains.technology.history import TITLES
from streamsim.streams.domains.technology.recommender import SlateClassifier
from streamsim.streams.events import FEATURE_HASH, Outbound
from streamsim.streams.signature import Signature
from streamsim.streams.spec.world import Slice
from streamsim.streams.stored.snapshot_files import saved_positions
from streamsim.streams.topics import SCORES, topic, topics_of
from tests.brokers import BROKERS, Embedded
from tests.stacks import until

MODEL, PLAIN = SPEC.model.recipe.name, "plain"
NAMES = SPEC.features.vector.names
LAST = np.arange(len(NAMES) - 3, len(NAMES))


@pytest.fixture(scope="module")
def slices() -> list[Slice]:
    return list(world_slices(SPEC, 11, {**SPEC.world.options, "users": 60}, 10))


@pytest.fixture(scope="module")
def data(slices: list[Slice]) -> Labelled:
    return training_data(SPEC, slices)


@pytest.fixture(scope="module")
def shelf(data: Labelled, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The domain's model, quickly learnt, and one that only scores."""
    from sklearn.linear_model import LogisticRegression

    registry = Registry(tmp_path_factory.mktemp("registry"))
    shelf = Shelf(registry)
    usual = tuple(np.median(data.features, axis=0).tolist())
    played = (data.labels > 0).astype(int)
    for name, estimator in (
        (MODEL, SPEC.model.recipe.build(0).fit(data.features, data.labels)),
        (PLAIN, KeptColumns(LAST, LogisticRegression()).fit(data.features[:200], played[:200])),
    ):
        signature = Signature(name, "0", NAMES, SPEC.features.fingerprint, 0.9, usual)
        version = registry.add(estimator, signature, metrics={}, data={}, card="", created="")
        shelf.load(name, version.version)
    return shelf


@pytest.fixture(scope="module")
def scores(shelf: Shelf, slices: list[Slice]) -> list[Outbound]:
    loaded = shelf.get(MODEL)
    domain = InProcess(SPEC, loaded.answer, loaded.signature)
    name = topic(SPEC.name, SCORES)
    return [r for r in domain.run(as_records(SPEC, wire(SPEC, slices))) if r.topic == name]


class FixedFollower:
    """Replacement of a follower, with given rows."""

    def __init__(self, rows: Sequence[tuple[str, Row]] = (), *, current: bool = True) -> None:
        self.rows, self._current = NewestRows(len(NAMES)), current
        self.rows.take(rows)

    def is_current(self) -> bool:
        return self._current


def client(shelf: Shelf, follower: Any) -> FlaskClient:
    assert SPEC.model.slate is not None
    slates = Slates(SPEC, SPEC.model.slate, follower)
    app = create_service(shelf, max_rows=100, max_body=1 << 16, slates={MODEL: slates})
    return app.test_client()


def ask(asked: FlaskClient, path: str) -> tuple[int, Any]:
    response = asked.get(f"/recommend/{path}")
    return response.status_code, orjson.loads(response.data)


def rows(data: Labelled, n: int = 1_000) -> list[tuple[str, Row]]:
    packed = data.features.astype("<f4")
    return [
        (user, Row(time, i, packed[i].tobytes()))
        for i, (user, time) in enumerate(
            zip(data.entities[:n].tolist(), data.times[:n].tolist(), strict=True)
        )
    ]


@contextmanager
def following(address: str, kept: Path | None = None) -> Iterator[ScoreFollower]:
    follower = ScoreFollower(SPEC, address, kept)
    follower.start()
    try:
        yield follower
    finally:
        follower.stop()


def produce(address: str, records: Sequence[Outbound]) -> None:
    create_topics(address, topics_of(SPEC), BROKERS.topic_config)
    producer = KafkaProducer(bootstrap_servers=address)
    for record in records:
        producer.send(
            record.topic,
            record.value,
            record.key,
            record.headers,
            record.partition,
            record.timestamp,
        )
    producer.close()


def newest(scores: Sequence[Outbound]) -> dict[str, Any]:
    """Return the newest score of each user; of equal times, the last."""
    bodies = [orjson.loads(record.value or b"") for record in scores]
    return {b["user_id"]: b for b in sorted(bodies, key=lambda body: body["event_time"])}


@pytest.mark.stack
def test_each_user_is_answered_what_the_newest_score_put_forward(
    shelf: Shelf, scores: list[Outbound], broker: str
) -> None:
    strange = scores[-1]._replace(headers=[(FEATURE_HASH, b"of another program")])
    produce(broker, [*scores, strange, scores[0]._replace(headers=[])])
    with following(broker) as follower:
        until(follower.is_current, "the end of the topic")
        asked = client(shelf, follower)
        known = newest(scores)
        assert len(known) > 40
        for user, body in known.items():
            status, answer = ask(asked, user)
            assert status == 200
            assert answer["known"] is True
            assert [answer[name] for name in ("event_time", "items", "score")] == [
                body[name] for name in ("event_time", "items", "score")
            ]


@pytest.mark.stack
def test_a_restarted_service_knows_the_users_whose_scores_are_deleted(
    shelf: Shelf, scores: list[Outbound], broker: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(score_follower, "SAVE_S", 0.0)
    kept = tmp_path / "technology.rows"
    half = len(scores) // 2
    produce(broker, scores[:half])
    with following(broker, kept) as follower:
        until(lambda: len(follower.rows) == len(newest(scores[:half])), "all users")
        until(lambda: sum(saved_positions(kept).values()) == half, "a snapshot of all")
    delete_before(broker, saved_positions(kept))
    produce(broker, scores[half:])
    with following(broker, kept) as follower:
        until(follower.is_current, "the end of the topic")
        asked = client(shelf, follower)
        for user, body in newest(scores).items():
            assert ask(asked, user)[1]["event_time"] == body["event_time"]
    assert sum(deleted(broker, topics_of(SPEC)).values()) == half


@pytest.mark.stack
@pytest.mark.embedded
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_the_broker_may_come_later_and_go_again(
    shelf: Shelf, scores: list[Outbound], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "kafka")
    broker = Embedded()
    with following(broker.address) as follower:
        asked = client(shelf, follower)
        status, answer = ask(asked, "u00001")
        assert (status, answer) == (
            503,
            {"error": "the service is still reading the scores so far, try again"},
        )
        with broker:
            produce(broker.address, scores)
            until(lambda: len(follower.rows) == len(newest(scores)), "all users")
            until(follower.is_current, "the end of the topic")
            before = ask(asked, "u00001")
        assert before[0] == 200
        assert ask(asked, "u00001") == before
    gc.collect()  # kafka-python leaks the sockets of failed connections


def test_a_stranger_is_shown_what_is_popular(shelf: Shelf, data: Labelled) -> None:
    told = rows(data)
    status, answer = ask(client(shelf, FixedFollower(told)), "unknown%20user")
    estimator = shelf.get(MODEL).estimator
    assert isinstance(estimator, SlateClassifier)
    last = max((row for _, row in told), key=lambda row: row[:2])
    nothing = last.features().copy()
    nothing[:, :TITLES] = -1
    assert status == 200
    assert (answer["known"], answer["user_id"]) == (False, "unknown user")
    assert answer["event_time"] is None
    assert answer["as_of"].startswith("2025-01-0")
    assert answer["items"] == estimator.slates(nothing)[0].tolist()
    popular = estimator.popular(nothing)
    np.testing.assert_array_equal(estimator.slates(nothing, diversity=0.0), popular)
    assert answer["items"][0] == popular[0, 0]
    assert 0 < answer["score"] < 1
    status, first = ask(client(shelf, FixedFollower()), "anybody")
    assert (status, first["as_of"], len(first["items"])) == (200, None, 10)


def test_a_stranger_has_the_features_of_a_users_first_event(data: Labelled) -> None:
    """Compute them by a search: the event itself is left out."""
    column = {name: i for i, name in enumerate(NAMES)}
    first = data.features[
        (data.features[:, column["plays"]] == 0)
        & (data.features[:, column["on_file"]] == 0)
        & (data.features[:, column["sessions"]] == 1)
        & (data.features[:, column["action"]] == 4)
    ]
    assert len(first) >= 2
    own = [column[name] for name in ("action", "device", "origin", "share", "sessions")]
    expected, found = first.copy(), cold_start(first)
    expected[:, own] = found[:, own] = 0
    np.testing.assert_array_equal(found, expected)


def test_more_titles_fewer_and_others(shelf: Shelf, data: Labelled) -> None:
    asked = client(shelf, FixedFollower(rows(data)))
    user = data.entities[999]
    _, own = ask(asked, user)
    _, same = ask(asked, f"{user}?k=10&model={MODEL}")
    assert same == own
    _, few = ask(asked, f"{user}?k=3&diversity=0")
    assert (len(few["items"]), few["score"]) == (3, None)
    _, many = ask(asked, f"{user}?k=40&diversity=0")
    assert many["items"][:3] == few["items"]
    assert len(set(many["items"])) == 40
    _, varied = ask(asked, f"{user}?diversity=0.9")
    assert varied["items"][0] == own["items"][0]
    assert set(varied["items"]) != set(own["items"])


@pytest.mark.parametrize(
    ("path", "status", "complaint"),
    [
        ("u1?k=0", 400, "'k' is a whole number from 1 to 100"),
        ("u1?k=101", 400, "'k' is a whole number"),
        ("u1?k=-3", 400, "'k' is a whole number"),
        ("u1?k=1e1", 400, "'k' is a whole number"),
        ("u1?k=%D9%A3", 400, "'k' is a whole number"),
        ("u1?k=" + "9" * 500, 400, "'k' is a whole number"),
        ("u1?diversity=1.1", 400, "'diversity' is a number from 0 to 1"),
        ("u1?diversity=nan", 400, "'diversity' is a number"),
        ("u1?diversity=", 400, "'diversity' is a number"),
        ("u1?size=3", 400, "no 'size' here"),
        ("u" * 201, 400, "1 to 200 characters"),
        ("u1?model=nothing", 404, "'nothing' is not loaded"),
        (f"u1?model={PLAIN}", 404, "plain scores events, and puts nothing forward"),
        ("", 404, "not found"),
    ],
)
def test_a_bad_question_is_told_what_is_wrong(
    shelf: Shelf, data: Labelled, path: str, status: int, complaint: str
) -> None:
    answer = ask(client(shelf, FixedFollower(rows(data, 10))), path)
    assert answer[0] == status
    assert complaint in answer[1]["error"]


def test_without_a_broker_it_says_what_is_missing(shelf: Shelf) -> None:
    status, answer = ask(client(shelf, None), "u1")
    assert status == 503
    assert "--broker HOST:PORT" in answer["error"]
    app = create_service(shelf, max_rows=1, max_body=1 << 10, slates=slates_of([MODEL], "embedded"))
    assert ask(app.test_client(), "u1") == (status, answer)


def test_only_who_has_a_slate_and_no_secrets_has_an_audience() -> None:
    assert set(slates_of(["finance-fraud", "healthcare-readmission", MODEL], "embedded")) == {MODEL}


def test_what_is_known_of_users_is_bounded_and_the_least_recent_go_first() -> None:
    users = NewestRows(1, most=3)
    for i, user in enumerate("abcad"):
        users.take([(user, Row(100 - i, i, b"%04d" % i))])
    assert [users.get(user) is None for user in "abcd"] == [False, True, False, False]
    # What happened earlier came later: it is seen, and replaces nothing.
    assert users.get("a") == Row(100, 0, b"0000")
    users.take([("a", Row(100, 9, b"0009")), ("c", Row(200, 10, b"too long"))])
    assert users.get("a") == Row(100, 9, b"0009")
    assert users.get("c") == Row(98, 2, b"0002")
    assert users.newest == Row(100, 9, b"0009")
