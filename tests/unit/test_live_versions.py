"""The checker of swaps on invented topics: each kind of wrong score is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest

from streamsim.benchmarks.fault_injection.live_versions import Live, check_live
from streamsim.consumers.predict.plans import on_canary
from streamsim.producers.recording import Recorded, make_recording
from streamsim.streams.codec import format_times
from streamsim.streams.spec import DomainSpec
from tests.unit.test_told_plans import champion, decision, lease, ms

CARDS = [f"card-{n}" for n in range(8)]
MINUTES = 10
SHARE = 0.5
CHANGED_AT = 4
"""From this minute on, 2 is the champion, 3 a canary and 4 in shadow; before, 1 answers alone."""
STEPS = 5


class Topics:
    """Records of a run in which all is right, by topic, to be spoilt."""

    def __init__(self, spec: DomainSpec) -> None:
        self.spec = spec
        model = {"model": spec.model.recipe.name}
        bodies = [
            champion(), lease(CHANGED_AT),
            decision(1, CHANGED_AT, "2", canary="3", share=SHARE, shadow="4", stand_in="1"),
            lease(MINUTES, "2"),
        ]  # fmt: skip
        self.models = [{**body, **model} for body in bodies]
        self.scores = [self._score(n) for n in range(MINUTES * len(CARDS))]
        after = [score for score in self.scores if score["time"] >= ms(CHANGED_AT)]
        self.shadow = [{**score, "version": "4", "score": 0.25} for score in after]
        self.alerts = [
            {**score, "threshold": 0.8 if score["version"] != "1" else 0.9}
            for score in self.scores
            if score["score"] >= 0.9
        ]
        step = spec.alerting.accuracy.step
        self.states = [{"at": n * step, "samples": 10, "value": 0.5} for n in range(1, STEPS)]

    def check(self) -> Live:
        spec, name = self.spec, self.spec.name
        rows: list[tuple[str, int, bytes, Any, tuple[tuple[str, bytes], ...]]] = []
        for body in self.models:
            rows.append(("ops.models", 0, b"", body, ()))
        for topic, scores in (("scores", self.scores), ("shadow", self.shadow)):
            for own in scores:
                body = {"event_id": own["id"], "score": own["score"]}
                headers = (("model_version", own["version"].encode()), *self._source(own))
                if "failing" in own:
                    headers += (("stands_in_for", own["failing"].encode()),)
                rows.append((f"{name}.{topic}", own["time"], own["card"].encode(), body, headers))
        for own in self.alerts:
            source = {"topic": f"{name}.in", "partition": 0, "offset": own["offset"]}
            body = {
                "rule": spec.alerting.rule.name, "event_id": own["id"], "score": own["score"],
                "version": own["version"], "threshold": own["threshold"], "source": source,
            }  # fmt: skip
            headers = (("ce_id", own["id"].encode()),)
            rows.append((f"{name}.alerts", own["time"], own["card"].encode(), body, headers))
        for own in self.states:
            body = {"accuracy": {"samples": own["samples"], "value": own["value"]}}
            headers = (("accuracy_id", b"%d" % own["at"]),)
            rows.append((f"{name}.metrics", own["at"], b"accuracy", body, headers))
        return check_live(
            spec,
            make_recording(
                Recorded(topic, 0, offset, time, key, orjson.dumps(body), headers)
                for offset, (topic, time, key, body, headers) in enumerate(rows)
            ),
        )

    def _source(self, own: dict[str, Any]) -> tuple[tuple[str, bytes], ...]:
        return (
            ("source_topic", f"{self.spec.name}.in".encode()),
            ("source_partition", b"0"),
            ("source_offset", b"%d" % own["offset"]),
        )

    def _score(self, n: int) -> dict[str, Any]:
        minute, card = divmod(n, len(CARDS))
        version = "1"
        if minute >= CHANGED_AT:
            is_canary = on_canary(np.array(CARDS[card : card + 1], object), SHARE)[0]
            version = "3" if is_canary else "2"
        return {
            "id": f"event-{n}", "time": ms(minute), "card": CARDS[card], "version": version,
            "score": 0.95 if card in (0, 1, 2, 3) else 0.1, "offset": n,
        }  # fmt: skip


@pytest.fixture
def topics(finance: DomainSpec) -> Topics:
    return Topics(finance)


def test_a_run_in_which_all_is_right_has_no_fault(topics: Topics) -> None:
    live = topics.check()
    assert not live.faults
    assert live.in_effect == 2
    assert set(live.by_version) == {"1", "2", "3"}
    assert live.by_version["1"] == CHANGED_AT * len(CARDS)
    assert live.by_canary == live.by_version["3"] > 0
    assert live.shadows == live.shadowed == (MINUTES - CHANGED_AT) * len(CARDS)
    assert live.states == STEPS - 1


def test_identical_repeats_and_missing_shadow_scores_are_no_faults(topics: Topics) -> None:
    topics.scores.append(topics.scores[0])
    topics.states.append(topics.states[-1])
    topics.alerts.append(topics.alerts[0])
    del topics.shadow[3:6]
    live = topics.check()
    assert not live.faults
    assert live.shadowed - live.shadows == 3


def test_a_metric_may_be_silent(topics: Topics) -> None:
    topics.states[-2]["samples"] = 0
    topics.states[-1]["at"] *= 10
    assert not topics.check().faults


def stood_in(topics: Topics, live: str, by: str, failing: str | None = None) -> None:
    """Let another version stand in for the live one in a score without an alert."""
    own = quiet(topics, live)
    own |= {"version": by, "failing": live if failing is None else failing}


@pytest.mark.parametrize(("live", "by"), [("3", "2"), ("3", "1"), ("2", "1")])
def test_a_score_by_a_stand_in_that_the_plan_names_is_no_fault(
    topics: Topics, live: str, by: str
) -> None:
    stood_in(topics, live, by)
    found = topics.check()
    assert not found.faults
    assert found.stood_in == 1


def by_a_stand_in_that_no_plan_names(topics: Topics) -> None:
    stood_in(topics, "1", "2")


def by_a_canary_as_stand_in(topics: Topics) -> None:
    stood_in(topics, "2", "3")


def by_a_stand_in_for_another_version(topics: Topics) -> None:
    stood_in(topics, "2", "1", failing="3")


def quiet(topics: Topics, version: str) -> dict[str, Any]:
    """Return a score by a version that raises no alert."""
    return next(own for own in topics.scores if own["version"] == version and own["score"] < 0.5)


def by_the_old_version(topics: Topics) -> None:
    topics.scores[-1]["version"] = "1"


def by_the_new_version_too_early(topics: Topics) -> None:
    quiet(topics, "1")["version"] = "2"


def by_the_canary_of_others(topics: Topics) -> None:
    quiet(topics, "2")["version"] = "3"


def by_the_champion_in_place_of_the_canary(topics: Topics) -> None:
    quiet(topics, "3")["version"] = "2"


def beyond_the_schedule(topics: Topics) -> None:
    topics.scores[-1]["time"] = ms(MINUTES)


def doubled_from_another_place(topics: Topics) -> None:
    topics.scores.append({**topics.scores[0], "offset": 1_000})


def shadow_of_another_version(topics: Topics) -> None:
    topics.shadow[0]["version"] = "3"


def shadow_where_there_is_none(topics: Topics) -> None:
    topics.shadow.append({**topics.scores[0], "version": "4"})


def shadow_without_a_score(topics: Topics) -> None:
    topics.shadow[0]["offset"] = 1_000


def alert_of_another_version(topics: Topics) -> None:
    topics.alerts[-1]["version"] = "1"


def alert_of_another_score(topics: Topics) -> None:
    topics.alerts[-1]["score"] = 0.99


def alert_by_the_old_threshold(topics: Topics) -> None:
    topics.alerts[-1]["threshold"] = 0.9


def alert_below_its_threshold(topics: Topics) -> None:
    topics.scores[-1]["score"] = 0.1
    topics.alerts.append({**topics.scores[-1], "threshold": 0.8})


def alert_without_a_score(topics: Topics) -> None:
    topics.alerts[0]["offset"] = 1_000


def metric_with_a_gap(topics: Topics) -> None:
    del topics.states[1]


def metric_that_differs_from_its_repeat(topics: Topics) -> None:
    topics.states.append({**topics.states[-1], "value": 0.6})


def metric_out_of_order(topics: Topics) -> None:
    topics.states.insert(0, topics.states.pop())


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (by_the_old_version, "1 scores by a version that was not live"),
        (by_the_new_version_too_early, "1 scores by a version that was not live"),
        (by_the_canary_of_others, "1 scores by a version that was not live"),
        (by_the_champion_in_place_of_the_canary, "1 scores by a version that was not live"),
        (by_a_stand_in_that_no_plan_names, "1 scores by a version that was not live"),
        (by_a_canary_as_stand_in, "1 scores by a version that was not live"),
        (by_a_stand_in_for_another_version, "1 scores by a version that was not live"),
        (beyond_the_schedule, "1 scores beyond the known schedule"),
        (doubled_from_another_place, "1 events have several scores"),
        (shadow_of_another_version, "1 shadow scores by a version that was not in shadow"),
        (shadow_where_there_is_none, "1 shadow scores by a version that was not in shadow"),
        (shadow_without_a_score, "1 shadow scores of events without a score"),
        (alert_of_another_version, "1 alerts by another version or score"),
        (alert_of_another_score, "1 alerts by another version or score"),
        (alert_by_the_old_threshold, "1 alerts by another threshold"),
        (alert_below_its_threshold, "1 alerts below their threshold"),
        (alert_without_a_score, "1 alerts of events without a score"),
        (metric_with_a_gap, "the metric has no state between"),
        (metric_that_differs_from_its_repeat, "1 states of the metric differ from their repeat"),
        (metric_out_of_order, "states of the metric are out of order"),
    ],
)
def test_each_kind_of_wrong_output_is_found(
    topics: Topics, spoil: Callable[[Topics], None], fault: str
) -> None:
    spoil(topics)
    (found,) = topics.check().faults
    assert found.startswith(fault)


def test_times_are_named_as_people_read_them(topics: Topics) -> None:
    by_the_old_version(topics)
    (found,) = topics.check().faults
    at = format_times(np.array([ms(MINUTES - 1)]))[0]
    assert f"event-79 at {at} by 1, where " in found
