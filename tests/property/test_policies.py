"""Decisions to learn anew keep the policy's bounds, for any signals, outcomes and restarts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamsim.models.adapting.policies import Decider
from streamsim.models.adapting.requests import Ended, Request, Signal
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec.adapting import Policy, Trigger, Window

DELAY = 10

POLICIES = st.builds(
    Policy,
    triggers=st.sampled_from([tuple(Trigger), (Trigger.METRIC,), (Trigger.SCHEDULE,)]),
    every=st.integers(1, 40),
    window=st.sampled_from(Window),
    span=st.integers(1, 60),
    settle=st.integers(0, 10),
    patience=st.sampled_from([0, 50]),
    cooldown=st.integers(0, 30),
    budget=st.integers(1, 3),
    budget_span=st.integers(1, 100),
)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 25),
        st.one_of(
            st.tuples(st.just("signal"), st.sampled_from(Trigger), st.integers(-20, 0) | st.none()),
            st.tuples(st.just("block"), st.sampled_from("ab"), st.integers(-20, 0)),
            st.tuples(st.just("unblock"), st.sampled_from("ab"), st.integers(-20, 0)),
            st.tuples(st.just("done"), st.sampled_from(Ended), st.none()),
            st.tuples(st.just("restart"), st.none(), st.none()),
        ),
    ),
    min_size=5,
    max_size=60,
)


def play(policy: Policy, steps: list) -> list[Request]:
    """Play steps; check on the way what holds at every moment."""
    decider, now, given_out = Decider(policy, DELAY), 100, []
    for wait, (what, which, back) in steps:
        now += wait
        if what == "signal":
            since = None if back is None else now + back
            decider.signal(Signal(which, now, f"{which} {now % 3}", since))
        elif what == "block":
            decider.block(which, now + back)
        elif what == "unblock":
            decider.unblock(which, now + back)
        elif what == "done" and decider.running is not None:
            decider.done(decider.running.id, which)
        elif what == "restart":
            data = json.loads(json.dumps(decider.snapshot()))
            decider = Decider(policy, DELAY)
            decider.restore(data)
        before = decider.running
        request = decider.due(now)
        if request is not None:
            assert before is None or (request.id == before.id and request.attempt == 2)
            assert decider.running == request
            given_out.append(request)
        assert decider.due(now) is None  # one at a time
    return given_out


@given(POLICIES, STEPS)
def test_budget_and_cool_down_are_kept_and_a_request_is_given_twice_at_most(
    policy: Policy, steps: list
) -> None:
    given_out = play(policy, steps)
    begun = [request.at for request in given_out if request.attempt == 1]
    for first, second in pairwise(begun):
        assert second - first >= policy.cooldown
    for at in begun:
        assert sum(at - policy.budget_span < own <= at for own in begun) <= policy.budget
    assert max(Counter(request.id for request in given_out).values(), default=0) <= 2
    for request in given_out:
        assert request.until == request.at - DELAY
        assert request.known_until == request.at
        if policy.window is Window.SLIDING:
            assert request.since == request.until - policy.span
        if policy.window is Window.ALL:
            assert request.since == NO_TIME
        ends = [time for part in request.without for time in part]
        assert ends == sorted(ends)
        assert all(request.since <= time <= request.until for time in ends)


@given(POLICIES, STEPS, st.integers(0, 59))
def test_a_restart_between_requests_changes_nothing(
    policy: Policy, steps: list, place: int
) -> None:
    calm = [step for step in steps if step[1][0] != "restart"]
    decider, now = Decider(policy, DELAY), 100
    other = Decider(policy, DELAY)
    for number, (wait, (what, which, back)) in enumerate(calm):
        now += wait
        for own in (decider, other):
            if what == "signal":
                since = None if back is None else now + back
                own.signal(Signal(which, now, str(which), since))
            elif what == "block":
                own.block(which, now + back)
            elif what == "unblock":
                own.unblock(which, now + back)
            elif own.running is not None:
                own.done(own.running.id, which)
        assert decider.due(now) == other.due(now)
        if number == place and other.running is None:
            data = other.snapshot()
            other = Decider(policy, DELAY)
            other.restore(data)
    assert decider.snapshot() == other.snapshot()


def usual(**changes: object) -> Decider:
    policy = Policy(cooldown=20, budget=2, budget_span=100, least_rows=1, least_positives=1)
    return Decider(replace(policy, **changes), DELAY)


def alarm(at: int, cause: str = "auc", since: int | None = None) -> Signal:
    return Signal(Trigger.METRIC, at, cause, since)


def test_a_storm_of_alerts_causes_one_learning() -> None:
    decider = usual(settle=5)
    for at in range(100, 105):
        decider.signal(alarm(at, f"feature {at}", since=90 + at % 3))
        assert decider.due(at) is None
    assert decider.waits_for == "further alerts of the same cause"
    request = decider.due(105)
    assert request is not None
    assert len(request.causes) == 5
    for at in range(106, 120):
        decider.signal(alarm(at, f"feature {at}"))
        assert decider.due(at) is None
    decider.done(request.id, Ended.REFUSED)
    assert [decider.due(at) for at in range(120, 200)] == [None] * 80
    decider.signal(alarm(201))  # it lasts, so it is told again
    assert decider.due(206) is not None


def test_alerts_about_the_model_that_was_replaced_are_no_news() -> None:
    decider = usual()
    decider.signal(alarm(100, since=70))
    request = decider.due(100)
    assert request is not None
    decider.signal(alarm(110, since=95))
    decider.done(request.id, Ended.BETTER, live_from=130)
    assert decider.due(150) is None
    decider.signal(alarm(151, since=129))
    assert decider.due(151) is None
    assert {note.why for note in decider.notes()} == {
        "it is about events before the model that answers now"
    }
    decider.signal(alarm(160, since=131))
    assert decider.due(160) is not None


def test_bad_data_are_neither_a_reason_to_learn_nor_learnt_from() -> None:
    decider = usual(window=Window.SLIDING, span=60)
    decider.signal(alarm(100, since=92))
    decider.block("unit of a sensor", since=90)
    assert decider.due(100) is None
    (note,) = decider.notes()
    assert note.why == "the data are bad: unit of a sensor"
    decider.signal(Signal(Trigger.HAND, 101, "asked for"))
    assert decider.due(101) is None
    assert decider.waits_for == "good data: unit of a sensor"
    decider.unblock("unit of a sensor", until=110)
    request = decider.due(130)
    assert request is not None
    assert (request.since, request.until, request.without) == (60, 120, ((90, 110),))


def test_it_waits_for_labels_since_the_change_and_then_gives_up() -> None:
    labels = {(85, 110): (4, 2), (85, 120): (9, 1), (85, 130): (9, 3)}
    decider = usual(window=Window.CHANGE, least_rows=5, least_positives=2, patience=60)
    decider.signal(alarm(100, since=85))

    def count(since: int, until: int) -> tuple[int, int]:
        return labels.get((since, until), (0, 0))

    assert decider.due(120, count) is None
    assert decider.waits_for == "labels: 4 of 5"
    assert decider.due(130, count) is None
    assert decider.waits_for == "labels of the rarer class: 1 of 2"
    request = decider.due(140, count)
    assert request is not None
    assert (request.since, request.until, request.known_until) == (85, 130, 140)
    decider.done(request.id, Ended.FAILED)
    decider.signal(alarm(200, since=190))
    assert decider.due(260, count) is None
    assert decider.due(261, count) is None
    (note,) = decider.notes()
    assert note.what == "given up: auc"
    assert note.why.startswith("labels: 0 of 5")


def test_what_was_killed_is_done_again_once() -> None:
    decider = usual()
    decider.signal(alarm(100))
    request = decider.due(100)
    assert request is not None
    decider.done(request.id, Ended.DIED)
    assert decider.due(101) == replace(request, attempt=2)
    data = decider.snapshot()
    again = usual()
    again.restore(data)
    assert again.due(102) is None
    assert again.running is None
    (note,) = again.notes()
    assert note.why == "it was ended twice"


def test_a_schedule_is_one_trigger_however_much_time_has_passed() -> None:
    decider = usual(triggers=(Trigger.SCHEDULE,), every=30)
    assert decider.due(100) is None
    request = decider.due(190)
    assert request is not None
    assert request.triggers == (Trigger.SCHEDULE,)
    decider.done(request.id, Ended.REFUSED)
    assert decider.due(205) is None
    assert decider.due(211) is not None


def test_a_person_may_ask_and_a_trigger_that_is_not_named_is_not_heard() -> None:
    decider = usual(triggers=(Trigger.SCHEDULE,), every=1_000)
    decider.signal(alarm(100))
    assert decider.due(100) is None
    (note,) = decider.notes()
    assert note.why == "the policy does not name it"
    decider.signal(Signal(Trigger.HAND, 101, "asked for"))
    assert decider.due(101) is not None


def test_what_no_challenger_cures_is_tried_less_and_less_often() -> None:
    """An alert lasts and is told at every moment; one of a later cause waits for nothing."""
    decider, begun = usual(cooldown=10, budget=100, budget_span=1), []
    for at in range(100, 400):
        decider.signal(alarm(at, since=90))
        if (request := decider.due(at)) is not None:
            begun.append(at)
            decider.done(request.id, Ended.REFUSED)
    assert [later - own for own, later in pairwise(begun)] == [20, 40, 80, 80]
    decider.signal(alarm(begun[-1] + 10, "another", since=begun[-1] + 5))
    assert decider.due(begun[-1] + 10) is not None


def test_after_a_promotion_it_learns_again_as_events_since_the_change_double() -> None:
    decider, learnt = usual(window=Window.CHANGE, span=200, cooldown=0, budget=100), []
    decider.signal(alarm(130, since=100))
    for at in range(130, 500):
        if (request := decider.due(at)) is not None:
            learnt.append((request.since, request.until, request.causes))
            better = len(learnt) in (1, 3)
            decider.done(request.id, Ended.BETTER if better else Ended.REFUSED, live_from=at + 5)
    again = ("twice as many events since the change",)
    assert learnt == [
        (100, 120, ("auc",)), (100, 140, again), (100, 180, again), (100, 260, again),
        (220, 420, again),
    ]  # fmt: skip
    decider = usual(window=Window.CHANGE, span=200, cooldown=0, follow_up=False)
    decider.signal(alarm(130, since=100))
    request = decider.due(130)
    assert request is not None
    decider.done(request.id, Ended.BETTER)
    assert all(decider.due(at) is None for at in range(131, 500))
