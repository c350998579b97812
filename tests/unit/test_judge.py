"""Judging a run: what lies in the topics of labels and truth need not be what belongs there."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from streamsim.simulator.report.judge import alert_quality, join_labels
from streamsim.streams.codec import encode_objects
from streamsim.streams.domain_registry import load_domain

FINANCE = load_domain("finance")
NOON = "2025-03-01T12:00:00.000Z"
SCORES = encode_objects(
    {"event_id": ["a", "b"], "event_time": [NOON] * 2, "card_id": ["c", "c"], "score": [0.9, 0.1]}
)
LABEL = b'{"event_id":"l","event_time":"2025-03-04T12:00:00Z","transaction_id":"a"}'
JUNK = [
    None,
    b"",
    b"[]",
    b"{",
    b'{"transaction_id":{},"event_time":"2025-03-04T12:00:00Z"}',
    b'{"transaction_id":["b"],"event_time":"2025-03-04T12:00:00Z"}',
    b'{"transaction_id":"b","event_time":{}}',
    b'{"transaction_id":"b","event_time":"soon"}',
    b'{"transaction_id":"b"}',
]


@pytest.mark.parametrize("junk", JUNK)
def test_what_is_no_label_says_nothing(junk: bytes | None) -> None:
    judged = join_labels(FINANCE, SCORES, [junk, LABEL, junk], None)
    assert judged.label.tolist() == [1, 0]
    assert judged.final.all()


@pytest.mark.parametrize("junk", JUNK)
def test_quality_is_told_from_what_is_planted_and_labelled(junk: bytes | None) -> None:
    truth = [b'{"transaction_id":"a","kind":"large_amount"}', junk]
    alerts = encode_objects(
        {"rule": ["suspected_fraud"] * 2, "event_id": ["a", "b"], "event_time": [NOON] * 2}
    )
    judged = join_labels(FINANCE, SCORES, [LABEL, junk], None)
    found = alert_quality(alerts, truth, [LABEL, junk], FINANCE, judged)
    assert found is not None
    assert (found["precision"], found["recall"]) == (0.5, 1.0)
    assert found["lead_s_median"] == 3 * 86_400
    assert found["recall_by_kind"] == {"large_amount": 1.0}
    assert (found["chance_precision"], found["chance_recall"]) == (0.5, 1.0)


def test_a_label_counts_once_it_can_no_longer_change() -> None:
    day = 86_400_000
    noon = int(np.datetime64(NOON[:-1], "ms").astype(np.int64))
    early = join_labels(FINANCE, SCORES, [LABEL], noon + 7 * day - 1)
    late = join_labels(FINANCE, SCORES, [LABEL], noon + 7 * day)
    assert not early.final.any()
    assert late.final.all()


def test_failures_are_foreseen_by_alerts_before_them_and_others_are_needless() -> None:
    """Two failures, one foreseen; a service in time; an alert about a vehicle that is sound."""
    times = [f"2025-01-06T06:{minute:02}:00.000Z" for minute in range(0, 60, 5)]
    vehicles = [vehicle for vehicle in "abcd" for _ in times]
    scores = encode_objects(
        {
            "event_id": [f"{v}{i}" for v in "abcd" for i in range(len(times))],
            "event_time": times * 4,
            "vehicle_id": vehicles,
            "score": [0.5] * len(vehicles),
        }
    )
    truth = encode_objects(
        {
            "kind": ["cooling", "brakes", "bearing", "sensor_frozen"],
            "vehicle_id": ["a", "b", "c", None],
            "onset": [times[1]] * 4,
            "until": [times[9], times[9], times[5], times[9]],
            "ended": ["failure", "failure", "service", None],
        }
    )
    alerts = encode_objects(
        {
            "rule": ["service_due"] * 4,
            "event_id": ["a3", "a5", "c4", "d4"],
            "event_time": [times[3], times[5], times[4], times[4]],
            "vehicle": ["a", "a", "c", "d"],
        }
    )
    spec = load_domain("logistics")
    judged = join_labels(spec, scores, [], None)
    found = alert_quality(alerts, truth, [], spec, judged)
    assert found is not None
    assert (found["failures"], found["foreseen"], found["needless"]) == (2, 1, 1)
    assert found["foreseen_s"] == [1800.0] * 3
    assert (found["precision"], found["recall"]) == (0.75, 0.6667)
    plain = [value.replace(b'"ended"', b'"other"') for value in truth]
    without = alert_quality(alerts, plain, [], spec, judged)
    assert without is not None
    assert without == {k: v for k, v in found.items() if k in without}
    assert "foreseen" not in without
    assert orjson.loads(orjson.dumps(found)) == found  # it goes into reports
