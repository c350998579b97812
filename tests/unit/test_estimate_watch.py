"""Estimates of a metric before its labels: what they use, what they miss, and their errors."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from streamsim.consumers.monitor.drift.profile_counts import ProfileCounts
from streamsim.consumers.monitor.estimation.estimated_window import why_no_estimate
from streamsim.consumers.monitor.incidents.incident import Turn
from streamsim.consumers.monitor.segment_names import name_code
from streamsim.consumers.state.store import Parts
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.report.own_outputs import ESTIMATE, read_metrics
from streamsim.simulator.run.life.watching import model_watch
from streamsim.simulator.run.life.watching.drift_watch import DRIFT
from streamsim.simulator.run.life.watching.estimate_watch import (
    LEAST_JUDGED,
    LOW_ESTIMATE,
    estimate_record,
)
from streamsim.simulator.run.life.watching.model_watch import LOW_METRIC, ModelWatch, Observed
from streamsim.streams.codec import format_times
from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import Events, Floats, Ints, as_objects
from streamsim.streams.spec import DAY, Accuracy, DomainSpec
from streamsim.streams.statistics.reference_profile import Reference
from streamsim.streams.stored.packing import pack, unpack
from tests.lives import FIRST, record
from tests.lives import SPEC as LIVES

DELAY, SPAN, N = 3 * DAY, 2 * DAY, 1_200
SPEC: DomainSpec = replace(
    LIVES,
    alerting=replace(
        LIVES.alerting, accuracy=Accuracy("average_precision", 0.5, 0.05, 200, SPAN, DAY)
    ),
    labels=replace(LIVES.labels, delay=DELAY),
)
REFERENCE = Reference.fit(["load"], np.zeros((50, 1), np.float32), np.linspace(0, 1, 50))


class Days:
    """A watch over scores that are told at once, and labelled after the delay."""

    def __init__(self, spec: DomainSpec = SPEC) -> None:
        self.spec, self.champion = spec, lambda at: "1"
        self.watch = self.new()
        self.counts = ProfileCounts("finance", REFERENCE, 2, step=DAY)
        self.scored: dict[int, tuple[Floats, Ints]] = {}
        self.day = FIRST
        self.offset = 0

    def new(self) -> ModelWatch:
        return ModelWatch(self.spec, lambda at: self.champion(at), REFERENCE)

    def restart(self) -> None:
        columns, state = self.watch.snapshot()
        self.watch = self.new()
        self.watch.restore(Parts([unpack(pack(columns))]), orjson.loads(orjson.dumps(state)))

    def play(self, *, easy: float = 0.9, truth: float = 1.0, late: int = 0) -> list[Observed]:
        """Tell a day.

        Parameters
        ----------
        easy
            Share of scores that are far from one half: which events come.
        truth
            Share of labels that scores are the chances of; others are drawn: what scores mean.
        late
            Days by which labels are read later than scores.
        """
        draw = np.random.default_rng(self.day)
        scores = np.where(draw.random(N) < easy, draw.beta(0.15, 1.2, N), draw.beta(3, 6, N))
        meant = np.where(draw.random(N) < truth, scores, scores.mean())
        self.scored[self.day] = scores, (draw.random(N) < meant).astype(np.int64)
        found = self._profiles(scores)
        known = self.day - DELAY // DAY - late
        found += self.labels(known)
        self.day += 1
        return found

    def _profiles(self, scores: Floats) -> list[Observed]:
        partition, time = np.arange(N) % 2, np.full(N, self.day * DAY)
        ids, offset = as_objects(map(str, range(N))), self.offset + np.arange(N)
        events = Events("s", partition, offset, time, time, time, ids, ids, {})
        self.offset += N
        self.counts.add(events, np.zeros((N, 1), np.float32), scores)
        records = self.counts.close(np.full(2, (self.day + 1) * DAY))
        return [own for told in records for own in self.watch.take_profiles(told.value)]

    def labels(self, day: int) -> list[Observed]:
        if day not in self.scored:
            return []
        scores, labels = self.scored[day]
        found = []
        for p in range(2):
            rows = [
                (day * DAY + n, round(scores[n] * 1e6), int(labels[n]),
                 name_code(self.champion(day * DAY)), -1, 0)
                for n in range(p, N, 2)
            ]  # fmt: skip
            found += self.watch.take_labelled(record(p, day * DAY, (day + 1) * DAY, rows))
        return found

    def many(self, days: int, **how: Any) -> list[Observed]:
        return [own for _ in range(days) for own in self.play(**how)]


def told(found: list[Observed]) -> list[dict[str, Any]]:
    return [dict(own.estimate) for own in found if own.estimate is not None]


def rules(found: list[Observed], turn: Turn = Turn.OPENED) -> set[str]:
    changes = (change for own in found for change in own.changes)
    return {change.incident.cause.rule for change in changes if change.turn is turn}


def test_each_window_is_estimated_as_it_ends_with_labels_known_then() -> None:
    days = Days()
    found = days.many(12)
    bodies = told(found)
    ends = [own.known_at for own in found if own.estimate is not None]
    assert ends == [n * DAY for n in range(FIRST + 4, FIRST + 13)]
    for body, end in zip(bodies, ends, strict=True):
        assert body["until"] == format_times(np.array([end]))[0]
        assert body["labelled_until"] == format_times(np.array([end - DELAY]))[0]


def test_estimates_are_judged_by_the_labels_of_their_window() -> None:
    days = Days()
    *_, body = told(days.many(30))
    assert body["judged"] == 20
    assert body["mean_error"] < 0.04
    assert abs(body["bias"]) < 0.03
    assert 0 < body["low"] < body["value"] < body["high"] < 1


def test_a_change_of_which_events_come_is_seen_before_its_labels() -> None:
    days = Days()
    before = told(days.many(20))[-1]
    bodies = told(days.many(12, easy=0.2))
    early = bodies[1]
    assert early["value"] < before["value"] - 0.1
    assert early["labelled"] == pytest.approx(before["labelled"], abs=0.05)
    true = {body["labelled_until"]: body["labelled"] for body in bodies}
    pairs = [(b["value"], true[b["until"]]) for b in bodies[1:] if b["until"] in true]
    estimates, values = np.array(pairs).T
    assert len(values) > 6
    assert estimates.mean() == pytest.approx(values.mean(), abs=0.03)


def test_a_change_of_what_scores_mean_is_not_seen_but_shows_in_the_error() -> None:
    days = Days()
    before = told(days.many(20))[-1]
    blind = told(days.many(2, truth=0.4))[-1]
    assert blind["value"] == pytest.approx(before["value"], abs=0.06)
    after = told(days.many(4, truth=0.4))[-1]
    assert after["bias"] > before["bias"] + 0.01


def test_a_low_estimate_opens_an_incident_of_its_own_before_the_metric_is_low() -> None:
    days = Days()
    days.many(LEAST_JUDGED + 10)
    soon = days.many(3, easy=0.2)
    assert rules(soon) & {LOW_ESTIMATE, LOW_METRIC} == {LOW_ESTIMATE}
    later = days.many(4, easy=0.2)
    assert LOW_METRIC in rules(later)
    texts = [
        change.incident.latest.text for own in later for change in own.changes
        if change.incident.cause.rule == LOW_METRIC
    ]  # fmt: skip
    assert "; estimated average_precision 0." in texts[0]
    assert "estimates were off by 0.0" in texts[0]


def test_it_is_not_called_low_before_its_error_is_known() -> None:
    days = Days()
    found = days.many(8) + days.many(4, easy=0.2)
    assert told(found)
    assert LOW_ESTIMATE not in rules(found)


def test_drift_tells_the_estimate() -> None:
    days = Days()
    days.many(20)
    found = days.many(5, easy=0.0)
    texts = [
        change.incident.latest.text for own in found for change in own.changes
        if change.incident.cause.rule == DRIFT
    ]  # fmt: skip
    assert all("; estimated average_precision" in text for text in texts)
    assert texts


def test_a_window_of_two_versions_has_no_estimate_nor_a_version_without_labels() -> None:
    days = Days()
    days.many(10)
    since = days.day * DAY
    days.champion = lambda at: "2" if at >= since else "1"
    assert told(days.many(DELAY // DAY)) == []
    bodies = told(days.many(8))
    assert {body["version"] for body in bodies} == {"2"}
    assert bodies[0]["judged"] == 0


@pytest.mark.parametrize("late", [1, 5])
def test_scores_that_are_read_before_the_labels_of_then_wait_for_them(late: int) -> None:
    days, other = Days(), Days()
    expected = told(days.many(20))
    found = told(other.many(20, late=late))
    assert found == expected[: len(found)]
    for day in range(other.day - DELAY // DAY - late, other.day - DELAY // DAY):
        found += told(other.labels(day))
    assert found == expected


@pytest.mark.parametrize("at", [2, 9, 25])
def test_restored_it_estimates_the_same(at: int) -> None:
    whole, own = Days(), Days()
    expected, found = [], []
    for day in range(30):
        how = {"easy": 0.05 if day > 23 else 0.9}
        expected += whole.play(**how)
        if day == at:
            own.restart()
        found += own.play(**how)
    assert told(found) == told(expected)
    assert LOW_ESTIMATE in rules(found)


def test_a_domain_that_is_renewed_or_has_no_profile_has_no_estimate() -> None:
    own = Days()
    own.watch = ModelWatch(SPEC, lambda at: "1", None)
    assert told(own.many(8)) == []
    accuracy = replace(SPEC.alerting.accuracy, metric="rmse")
    errors = Days(replace(SPEC, alerting=replace(SPEC.alerting, accuracy=accuracy)))
    assert told(errors.many(8)) == []


def test_every_domain_has_an_estimate_or_a_reason_why_not() -> None:
    why = {name: why_no_estimate(load_domain(name)) for name in domain_names()}
    assert why == {**dict.fromkeys(why), "technology": "its model is renewed by the clock"}
    accuracy = replace(SPEC.alerting.accuracy, metric="rmse")
    none = why_no_estimate(replace(SPEC, alerting=replace(SPEC.alerting, accuracy=accuracy)))
    assert none is not None
    assert "a chance tells no distance" in none


def test_its_record_stands_beside_the_rolling_metric() -> None:
    days = Days()
    body = told(days.many(8))[-1]
    written = estimate_record(SPEC, body)
    assert (written.topic, written.partition, written.key) == ("finance.metrics", 0, b"estimate")
    assert orjson.loads(written.value or b"")[ESTIMATE] == body
    assert not any(isinstance(own, float) and math.isnan(own) for own in body.values())
    ledger = Ledger(SPEC)
    ledger.take(read_metrics(SPEC, written.value))
    assert ledger.estimate == body
    for name in body:
        with pytest.raises(ForeignRecordError):
            read_metrics(SPEC, orjson.dumps({ESTIMATE: {**body, name: []}}))


def test_of_a_busy_domain_both_figures_are_of_its_newest_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = told(Days().many(16))
    monkeypatch.setattr(model_watch, "MOST_ROWS", N)
    cut = told(Days().many(16))
    width = [
        np.mean([body["high"] - body["low"] for body in bodies[-6:]]) for bodies in (whole, cut)
    ]
    # Half of the rows: the band is wider by the root of two.
    assert width[1] / width[0] == pytest.approx(math.sqrt(2), rel=0.15)
    assert cut[-1]["judged"] == whole[-1]["judged"]
