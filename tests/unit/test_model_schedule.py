"""Which version answers when, and what is refused of a renewal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest

from streamsim.consumers.core.in_flight import InFlight
from streamsim.consumers.predict.model_schedule import Change, Entry, Schedule, read_entry
from streamsim.consumers.predict.plans import Plan
from streamsim.consumers.state.positions import Positions
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.technology import SPEC
from streamsim.streams.errors import ForeignRecordError, ModelError, UsageError
from streamsim.streams.events import NO_TIME, Events, as_objects
from streamsim.streams.signature import Signature
from streamsim.streams.spec import HOUR, MINUTE, Renewal

CHAMPION = Signature("m", "2", ("a",), "hash", 0.5, (0.0,))
FIRST = Entry("m", "2-20250109T0000", 0.5, 1_736_500_000_000, 1_737_000_000_000, True)


def answering(schedule: Schedule, *times: int) -> list[str]:
    numbers = schedule.numbers(np.array(times)).tolist()
    return [schedule.signature(number).version for number in numbers]


def test_a_version_answers_from_its_time_on_and_not_before() -> None:
    schedule = Schedule(CHAMPION)
    assert schedule.until == NO_TIME
    assert schedule.add(FIRST)
    assert answering(schedule, 0, FIRST.since - 1, FIRST.since) == ["2", "2", FIRST.version]
    assert schedule.until == FIRST.until
    assert schedule.signature(1) == replace(CHAMPION, version=FIRST.version)


def test_what_is_told_again_says_nothing() -> None:
    schedule = Schedule(CHAMPION)
    assert schedule.add(FIRST)
    assert not schedule.add(FIRST)
    later = replace(FIRST, until=FIRST.until + HOUR, is_new=False)
    assert schedule.add(later)
    assert answering(schedule, FIRST.since) == [FIRST.version]
    assert schedule.until == later.until


@pytest.mark.parametrize("entry", [FIRST, replace(FIRST, since=NO_TIME, is_new=False)])
def test_a_record_says_what_the_entry_said(entry: Entry) -> None:
    body = orjson.dumps(entry.as_record("ours"))
    assert read_entry(body, "ours", "m") == entry
    assert read_entry(body, "of another run", "m") is None
    assert read_entry(body, "ours", "another") is None
    champion = {"event": "champion", "model": "m", "version": "1", "threshold": 0.5}
    other = orjson.dumps({**champion, "effective_from": None})
    assert read_entry(other, "ours", "m") is None


def test_events_of_one_version_are_taken_together_and_none_goes_past_another() -> None:
    partition, time = np.array([0, 0, 1, 0, 1]), np.array([5, 12, 3, 6, 11])
    ids = as_objects("abcde")
    events = Events(
        "s", partition, np.arange(5), time, time, time, ids, ids, {}
    )  # versions change at 10
    waiting = InFlight("s", Positions({"s": 0}, 2), hold=False)
    waiting.add(events)

    def taken() -> str | None:
        found = waiting.take(100, lambda e: np.ones(len(e), bool), lambda e: e.event_time // 10)
        return None if found is None else "".join(found.event_id)

    assert [taken() for _ in range(4)] == ["ac", "be", "d", None]


def test_a_renewal_that_events_could_wait_for_in_vain_is_refused() -> None:
    renewal = SPEC.model.renewal
    assert renewal is not None
    least = SPEC.trigger.allowed_lateness + SPEC.trigger.max_ahead
    replace(SPEC, model=replace(SPEC.model, renewal=replace(renewal, lead=least)))
    with pytest.raises(UsageError, match=f"leads by {least - 1} ms; it must be at least {least}"):
        replace(SPEC, model=replace(SPEC.model, renewal=replace(renewal, lead=least - 1)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"every": MINUTE + 1}, "whole minutes"),
        ({"every": 0}, "whole minutes"),
        ({"columns": ("action", "mood")}, "views has no field mood"),
    ],
)
def test_a_renewal_that_cannot_be_is_refused(change: dict[str, object], said: str) -> None:
    assert SPEC.model.renewal is not None
    with pytest.raises(UsageError, match=said):
        replace(SPEC, model=replace(SPEC.model, renewal=replace(SPEC.model.renewal, **change)))


def test_what_is_scored_again_needs_a_model_that_stays() -> None:
    retail = load_domain("retail")
    lead = retail.trigger.allowed_lateness + retail.trigger.max_ahead
    renewal = Renewal(HOUR, lead, (), lambda champion: pytest.fail("nothing begins here"))
    with pytest.raises(UsageError, match="renewal excludes rescoring"):
        replace(retail.model, renewal=renewal)


def test_only_a_recommender_of_ours_can_be_renewed() -> None:
    from sklearn.linear_model import LogisticRegression

    assert SPEC.model.renewal is not None
    with pytest.raises(ModelError, match="a LogisticRegression like this cannot be renewed"):
        SPEC.model.renewal.begin(LogisticRegression())


def change(number: int, plan: Plan, since: int = 200, until: int = 300) -> Entry:
    decision = Change("canary", number, plan, "ann", "a trial", {"gate": 0.1})
    return Entry("m", plan.champion.version, 0.5, since, until, True, decision)


def test_a_decision_changes_the_plan_from_its_time_on_and_is_applied_once() -> None:
    other = replace(CHAMPION, version="3", threshold=0.7)
    plan = Plan(CHAMPION, other, 0.25, shadow=other)
    schedule = Schedule(CHAMPION)
    assert schedule.add(change(1, plan))
    assert not schedule.add(change(1, Plan(other)))
    assert schedule.at(199) == Plan(CHAMPION)
    assert schedule.at(200) == schedule.last == plan
    # A decision need not extend the schedule: it may take effect at its end.
    assert schedule.add(change(2, Plan(other), since=300))
    assert schedule.at(299) == plan
    assert schedule.at(300) == Plan(other)
    assert schedule.until == 300


def test_a_renewal_leaves_canary_and_shadow_as_they_are() -> None:
    other = replace(CHAMPION, version="3", threshold=0.7)
    schedule = Schedule(CHAMPION)
    schedule.add(change(1, Plan(CHAMPION, other, 0.25, shadow=other)))
    schedule.add(replace(FIRST, since=400, until=500))
    assert schedule.last == Plan(replace(CHAMPION, version=FIRST.version), other, 0.25, other)


def test_a_record_of_a_decision_says_what_the_entry_said() -> None:
    other = replace(CHAMPION, version="3", threshold=0.7)
    entry = change(4, Plan(CHAMPION, other, 0.25, shadow=other))
    body = entry.as_record("ours")
    assert read_entry(orjson.dumps(body), "ours", "m") == entry
    for spoilt in (
        {**body, "plan": {**body["plan"], "champion": "9"}},
        {**body, "plan": {**body["plan"], "share": 2}},
        {**body, "signatures": [{}]},
        {**body, "signatures": 3},
        {name: value for name, value in body.items() if name != "who"},
    ):
        with pytest.raises(ForeignRecordError):
            read_entry(orjson.dumps(spoilt), "ours", "m")


def changed(number: int, since: int, plan: Plan) -> Entry:
    change = Change("canary", number, plan, "ann", "a trial")
    return Entry("m", plan.champion.version, 0.5, since, since + HOUR, True, change)


def test_a_plan_with_a_stand_in_is_read_as_it_was_told_and_older_ones_too() -> None:
    plan = Plan(replace(CHAMPION, version="3"), stand_in=CHAMPION)
    entry = changed(1, 1_736_500_000_000, plan)
    body = entry.as_record("ours")
    assert read_entry(orjson.dumps(body), "ours", "m") == entry
    del body["plan"]["stand_in"]
    older = read_entry(orjson.dumps(body), "ours", "m")
    assert older is not None
    assert older.change is not None
    assert older.change.plan == replace(plan, stand_in=None)


def test_a_part_of_the_plans_begins_with_its_present_version() -> None:
    own, two = Schedule(CHAMPION), replace(CHAMPION, version="3")
    plans = [
        Plan(CHAMPION, two, 0.1), Plan(CHAMPION), Plan(CHAMPION, two, 0.2),
        Plan(replace(CHAMPION, threshold=0.9), two, 0.2),
    ]  # fmt: skip
    for n, plan in enumerate(plans):
        own.add(changed(n + 1, (n + 1) * HOUR, plan))
    assert own.begun(lambda plan: plan.canary) == 3 * HOUR
    assert own.begun(lambda plan: plan.champion) == NO_TIME
    assert own.begin(2) == 2 * HOUR
