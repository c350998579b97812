"""Rows to learn from are what was logged and known, also if the code has changed since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from streamsim.simulator.brokers.writer import Message
from streamsim.simulator.run.adapting import kept_scores, logged_rows
from streamsim.simulator.run.adapting.logged_rows import LoggedRows, Wanted, read_logged
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import BrokerError
from streamsim.streams.events import Events, Floats
from streamsim.streams.spec import HOUR, MINUTE, Aggregates, DomainSpec
from streamsim.streams.topics import CORRECTIONS
from tests.logged import BEGIN, Rows, fill, invented, record, scores, signature_of

pytestmark = pytest.mark.stack
N = 400
EVER = BEGIN + 100_000 * HOUR


def read(spec: DomainSpec, broker: str, **change: object) -> LoggedRows:
    wanted = Wanted(BEGIN, BEGIN + N * MINUTE, EVER, 10 * N)
    return read_logged(spec, signature_of(spec), broker, replace(wanted, **change))


def labels(spec: DomainSpec, rows: Rows, after: int, name: str = "l") -> Iterator[Message]:
    """A label for each event but every tenth, in the only label source of scores."""
    (source,) = spec.label_sources
    assert spec.labels.field is not None
    for row, entity in enumerate(rows.entities):
        if row % 10:
            body = {
                "event_id": f"{name}{row}", spec.labels.key: str(row),
                spec.labels.field: int(rows.labels[row]),
            }  # fmt: skip
            time = int(rows.times[row]) + after
            yield record(spec, source.name, entity, time, body, time)


def shuffled(messages: list[Message]) -> list[Message]:
    """Put neighbours in another order: a topic is not in order of its timestamps."""
    n = len(messages)
    order = np.argsort(np.arange(n) + np.random.default_rng(1).integers(0, 30, size=n))
    return [messages[row] for row in order.tolist()]


def test_a_change_of_the_features_code_is_not_noticed(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = load_domain("retail")
    rows = invented(spec, N, telling=0)
    said = shuffled(list(scores(spec, rows, signature_of(spec))))
    again, foreign = said[50:80], said[:5]
    foreign = [replace(own, headers=own.headers[:2]) for own in foreign]
    fill(broker, spec, [*said[:100], *again, *foreign, *said[100:], *labels(spec, rows, HOUR)])
    known = np.arange(N) % 10 > 0

    def forbidden(events: Events, aggregates: Aggregates) -> Floats:
        raise AssertionError("features are computed anew")

    vector = replace(spec.features.vector, assemble=forbidden)
    spec = replace(spec, features=replace(spec.features, vector=vector))
    found = read(spec, broker)
    assert (found.data.features == rows.features[known]).all()
    assert (found.data.labels == rows.labels[known]).all()
    assert (found.data.times == rows.times[known]).all()
    assert found.data.entities.tolist() == np.array(rows.entities)[known].tolist()
    assert set(found.versions.tolist()) == {"1"}
    assert found.counts == {"scored": N - N // 10, "unlabelled": 0, "skipped": len(foreign)}

    part = read(spec, broker, since=BEGIN + 100 * MINUTE, until=BEGIN + 200 * MINUTE)
    assert part.data.fingerprint() == found.data.take(
        (found.data.times >= BEGIN + 100 * MINUTE) & (found.data.times < BEGIN + 200 * MINUTE)
    ).fingerprint()  # fmt: skip
    hole = (BEGIN + 20 * MINUTE, BEGIN + N * MINUTE)
    assert (
        read(spec, broker, without=(hole,)).data.times.tolist()
        == rows.times[known & (rows.times < hole[0])].tolist()
    )

    monkeypatch.setattr(logged_rows, "PIECE", 17)
    monkeypatch.setattr(kept_scores, "SPARE", 1)
    newest = read(spec, broker, most=70)
    assert newest.counts["scored"] == 70
    assert newest.data.fingerprint() == found.data.take(np.arange(-70, 0)).fingerprint()


def test_labels_count_as_of_a_time_and_only_if_they_came_in_time(broker: str) -> None:
    spec = load_domain("logistics")
    delay, longer = spec.labels.delay, spec.model.estimates[0].delay
    rows = invented(spec, N, telling=0)
    wrong = replace(rows, labels=1 - rows.labels)
    told = [*labels(spec, rows, delay), *labels(spec, wrong, delay - 1, "early")]
    told += labels(spec, wrong, delay + 1, "late")
    told.sort(key=lambda message: message.timestamp_ms)
    lives = [
        record(
            spec, "lives", entity, int(rows.times[row]) + HOUR,
            {"event_id": f"n{row}", "reading_id": str(row), "remaining_life_min": row % 50 / 2},
            int(rows.times[row]) + HOUR,
        )
        for row, entity in enumerate(rows.entities) if row % 3 == 0
    ]  # fmt: skip
    fill(broker, spec, [*scores(spec, rows, signature_of(spec)), *told, *lives])
    known = np.arange(N) % 10 > 0
    whole = read(spec, broker)
    assert (whole.data.labels == rows.labels[known]).all()
    numbers = np.where(np.arange(N) % 3 == 0, np.arange(N) % 50 / 2, np.nan)[known, None]
    np.testing.assert_array_equal(whole.data.numbers, numbers)

    until = BEGIN + delay + 300 * MINUTE
    found = read(spec, broker, known_until=until)
    final = known & (rows.times < until - delay)
    assert found.data.times.tolist() == rows.times[final].tolist()
    old = rows.times[final] + longer < until
    assert (
        np.isfinite(found.data.numbers[:, 0]) == (old & np.isfinite(numbers[: len(old), 0]))
    ).all()
    assert 0 < old.sum() < len(old)


def test_a_correction_replaces_what_was_logged(broker: str) -> None:
    spec = load_domain("retail")
    rows = invented(spec, N, telling=0)
    later = replace(rows, features=rows.features + 1)
    fixed = list(scores(spec, later, replace(signature_of(spec), version="2"), CORRECTIONS))[::4]
    fill(
        broker, spec,
        [*scores(spec, rows, signature_of(spec)), *fixed, *labels(spec, rows, HOUR)],
    )  # fmt: skip
    found = read(spec, broker)
    row = np.flatnonzero(np.arange(N) % 10 > 0)
    expected = np.where(row[:, None] % 4 == 0, later.features[row], rows.features[row])
    assert (found.data.features == expected).all()
    assert found.versions.tolist() == ["12"[int(own % 4 == 0)] for own in row]


def test_a_segment_is_a_column_of_the_event_itself(broker: str) -> None:
    spec = load_domain("finance")
    accuracy = replace(spec.alerting.accuracy, segment="category")
    spec = replace(spec, alerting=replace(spec.alerting, accuracy=accuracy))
    rows = invented(spec, N, telling=0)
    events = [
        record(
            spec, "transactions", entity, int(rows.times[row]),
            {
                "event_id": str(row), "terminal_id": "t", "amount_cents": 1,
                "category": f"kind {row % 3}",
            },
            int(rows.times[row]),
        )
        for row, entity in enumerate(rows.entities) if row % 4
    ]  # fmt: skip
    fill(broker, spec, [*scores(spec, rows, signature_of(spec)), *shuffled(events)])
    found = read(spec, broker)
    assert found.segments.tolist() == [f"kind {row % 3}" if row % 4 else "" for row in range(N)]


def test_nothing_is_read_where_nothing_is(broker: str) -> None:
    spec = load_domain("retail")
    fill(broker, spec, [])
    found = read(spec, broker)
    assert len(found.data.labels) == 0
    assert found.data.features.shape == (0, len(spec.features.vector.names))
    with pytest.raises(BrokerError):
        read(spec, "127.0.0.1:1")
