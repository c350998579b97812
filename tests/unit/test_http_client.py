"""A client against an API that is played, on a clock that moves only when someone waits for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from streamsim.producers.http_client.background import Answer
from streamsim.producers.http_client.circuit_breaker import Breaker
from streamsim.producers.http_client.http_fetch import HttpFetch, Unanswered
from streamsim.streams.errors import SettingError, StackError, UsageError
from streamsim.streams.spec.third_parties import Reply
from tests.stacks import until
from tests.unit.played import HOUR_MS, SOON_S, asked, client, ok


def test_a_member_comes_with_all_pages_and_a_stranger_as_none() -> None:
    with client() as (looking, api):
        api.redemptions = [
            {"coupon": f"c{i}", "campaign": "1", "on": "2017-03-01"} for i in range(120)
        ]
        member, stranger = asked(looking, ("a", 5), ("x", 6))
        assert member.said is not None
        assert member.said["redemptions"] == api.redemptions
        assert (member.asked_at, member.cached, member.problem) == (5, False, "")
        assert stranger == Answer("x", 6, None)
        assert looking.report()["requests"] == 1 + 3 + 1
        assert looking.answers() == []


@pytest.mark.parametrize(
    ("at", "cached"), [(0, True), (10, True), (10 + HOUR_MS - 1, True), (10 + HOUR_MS, False)]
)
def test_an_answer_serves_for_a_while_of_event_time(at: int, cached: bool) -> None:
    with client() as (looking, api):
        for household in ("a", "x"):  # that somebody is no member is an answer, too
            asked(looking, (household, 10))
            api.clock.sleep(10**9)  # wall time makes no difference
            (answer,) = asked(looking, (household, at))
            assert (answer.asked_at, answer.cached) == (at, cached)
        assert looking.report()["from_cache"] == 2 * cached


def test_questions_about_one_household_are_joined_and_the_earliest_counts() -> None:
    with client() as (looking, api):
        api.gate = asyncio.Event()
        for at in (500, 300, 400):
            looking.ask("a", at)
        assert not looking.wait(0)
        assert looking.answers() == []
        looking._loop.call_soon_threadsafe(api.gate.set)
        assert looking.wait(SOON_S)
        assert [a.asked_at for a in looking.answers()] == [300]
        assert looking.report()["joined"] == 2
        (answer,) = asked(looking, ("a", 300 + HOUR_MS))  # counted from the earliest
        assert not answer.cached


def test_those_not_asked_about_for_longest_are_forgotten_first() -> None:
    with client(most_kept=2) as (looking, _):
        for household in ("a", "b", "a", "c"):
            asked(looking, (household, 0))
        again = asked(looking, ("a", 1), ("c", 1))
        assert [a.cached for a in again] == [True, True]
        assert looking.report()["from_cache"] == 1 + 2
        assert not asked(looking, ("b", 1))[0].cached


def test_no_more_are_on_their_way_than_may_be() -> None:
    with client(at_once=3) as (looking, api):
        assert len(asked(looking, *((f"h{i}", i) for i in range(40)))) == 40
        assert api.most == 3


@pytest.mark.parametrize(
    "failure", [Unanswered("broken off"), ok({}, 500), ok({}, 503), ok({}, 408)], ids=repr
)
def test_what_may_pass_is_tried_again(failure: Reply | Exception) -> None:
    with client(lambda path, nth: failure if nth <= 3 else None) as (looking, _):
        (answer,) = asked(looking, ("a", 0))
        assert answer.said is not None
        report = looking.report()
        assert (report["failed"], report["retried"]) == (6, 6)  # of two paths


def test_pauses_double_with_jitter_up_to_the_most() -> None:
    def fails(path: str, nth: int) -> Reply | None:
        return ok({}, 500) if nth <= 12 and "redemptions" not in path else None

    with client(fails, first_s=1.0, most_s=60.0, failures=1_000) as (looking, api):
        asked(looking, ("a", 0))
        times = [at for at, path in api.asked if "redemptions" not in path]
    pauses = [(b - a) / 1000 for a, b in pairwise(times)]
    bounds = [min(60.0, 2.0**n) for n in range(12)]
    assert len(pauses) == 12
    assert all(0 <= p <= bound for p, bound in zip(pauses, bounds, strict=True)), pauses
    shares = [p / bound for p, bound in zip(pauses, bounds, strict=True)]
    assert max(shares) - min(shares) > 0.4, "no jitter"


@pytest.mark.parametrize(
    ("retry_after", "wait_s"), [("7", 7.0), ("Thu, 01 Jan 1970 00:00:07 GMT", 7.0), ("9999999", 60)]
)
def test_whoever_is_limited_keeps_quiet_as_long_as_asked(retry_after: str, wait_s: float) -> None:
    """And so does everybody else: the limit is the key's."""
    limited = ok({}, 429, retry_after)

    def play(path: str, nth: int) -> Reply | None:
        return limited if path == "/v1/members/a" and nth == 1 else None

    with client(play, at_once=2, most_wait_s=60.0) as (looking, api):
        api.gate = asyncio.Event()
        for household in "abcd":
            looking.ask(household, 0)
        until(lambda: api.now == 2, "the two that may be on their way")
        looking._loop.call_soon_threadsafe(api.gate.set)
        assert looking.wait(SOON_S)
        others = api.asked[2:]
        assert all(at >= wait_s * 1000 for at, _ in others)
        report = looking.report()
        assert (report["rate_limited"], report["failed"]) == (1, 0)
        assert not any(report["breaker"].values())


def test_an_outage_opens_the_breaker_and_one_probe_closes_it() -> None:
    """While it is open, questions wait rather than reach the API, and none is lost."""
    tried = Counter[str]()

    def gone(path: str, nth: int) -> Exception | None:
        tried["all"] += 1
        return Unanswered("gone") if tried["all"] <= 24 else None

    with client(gone, at_once=8, failures=4, pause_s=1_000.0) as (looking, api):
        answers = asked(looking, *((f"h{i}", i) for i in range(30)))
        assert [a.said is not None for a in answers] == [True] * 30
        changes = looking.report()["breaker"]
    assert changes["closed"] == 1
    assert changes["open"] == changes["half-open"] > 10
    # Eight were on their way when it opened: each later one was a single probe.
    probes = [at for at, _ in api.asked[12:24]]
    assert all(later - earlier >= 1_000_000 for earlier, later in pairwise(probes)), probes


def test_a_household_that_fails_alone_is_given_up_and_harms_nobody() -> None:
    def play(path: str, nth: int) -> Reply | None:
        return ok({}, 500) if "/bad" in path else None

    with client(play, tries=3, pause_s=1.0) as (looking, _):
        looking.ask("bad", 0)
        answers: dict[str, Answer] = {}
        while "bad" not in answers:
            looking.ask(f"h{len(answers)}", 0)
            looking.wait(0.01)
            answers |= {a.entity: a for a in looking.answers()}
            assert len(answers) < 1_000
        assert looking.wait(SOON_S)
        assert "status 500, again and again" in answers.pop("bad").problem
        assert all(a.said is not None for a in answers.values())


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        (ok({}, 401), r"refuses our API key \(401\): is STREAMSIM_LOYALTY_KEY the right one"),
        (ok({}, 403), r"refuses our API key \(403\)"),
        (ok({"error": "limit?"}, 400), r"\(400\): .*limit\?"),
        (ok({}, 302), r"refuses /v1/members/a \(302\)"),
        (ok({"error": "no such path"}, 404), "is the address right"),
        (Reply(404, b"<html>nothing here</html>"), "is the address right"),
    ],
)
def test_what_only_a_setting_can_mend_is_raised_at_once(reply: Reply, complaint: str) -> None:
    with client(lambda path, nth: reply) as (looking, api):
        looking.ask("a", 0)
        with pytest.raises(SettingError, match=complaint):
            looking.wait(SOON_S)
        with pytest.raises(SettingError, match=complaint):
            looking.ask("b", 0)
        with pytest.raises(SettingError, match=complaint):
            looking.answers()
        assert len(api.asked) == 1


def test_what_had_come_before_is_not_lost_then() -> None:
    with client(lambda path, nth: ok({}, 401) if "/b" in path else None) as (looking, _):
        looking.ask("a", 0)
        assert looking.wait(SOON_S)
        looking.ask("b", 0)
        with pytest.raises(SettingError):
            looking.wait(SOON_S)
        assert [a.entity for a in looking.answers()] == ["a"]
        with pytest.raises(SettingError):
            looking.answers()


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(200, b"<html>"), "no JSON object"),
        (Reply(200, b"[1]"), "no JSON object"),
        (Reply(200, b"{" * 100_000), "no JSON object"),
        (ok({"household_id": "b", "campaigns": []}), "about b, who was not asked for"),
        (ok({"household_id": "a", "campaigns": [{"campaign": "1"}]}), "'from' is no date"),
        (ok({"household_id": "a", "profile": {"age": "x" * 2_000_000}}), "more than 1048576 bytes"),
    ],
)
def test_an_answer_that_cannot_be_used_is_said_and_not_kept(reply: Reply, problem: str) -> None:
    def play(path: str, nth: int) -> Reply | None:
        return reply if nth == 1 and path == "/v1/members/a" else None

    with client(play) as (looking, _):
        (answer,) = asked(looking, ("a", 0))
        assert answer.said is None
        assert problem in answer.problem
        (again,) = asked(looking, ("a", 0))
        assert again.said is not None
        assert looking.report()["unusable"] == 1


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ({"redemptions": [], "next": "again"}, "more than 8 requests"),
        ({"redemptions": [], "next": 7}, "no cursor"),
        ({"redemptions": [], "next": "c" * 5_000}, "no cursor"),
        ({"next": None}, "without redemptions"),
        ({"redemptions": ["?"]}, "a redemption is an object"),
        ({"redemptions": [], "next": "again", "pad": "x" * 900}, "more than"),
    ],
)
def test_pages_that_cannot_be_used_are_said(page: dict[str, Any], problem: str) -> None:
    with client(
        lambda path, nth: ok(page) if "redemptions" in path else None,
        max_requests=8,
        max_bytes=6_000,
    ) as (looking, api):
        (answer,) = asked(looking, ("a", 0))
        assert problem in answer.problem
        assert len(api.asked) <= 8


def test_what_is_no_id_is_never_asked() -> None:
    with client() as (looking, api):
        answers = asked(looking, ("../admin", 3), ("", 4))
        assert [a.problem for a in answers] == ["not a household's id"] * 2
        assert api.asked == []


def test_a_fault_of_ours_is_not_waited_for() -> None:
    with client(lambda path, nth: ZeroDivisionError("ours")) as (looking, _):
        looking.ask("a", 0)
        with pytest.raises(StackError, match="ours"):
            looking.wait(SOON_S)


def test_closing_gives_up_what_is_open_and_may_be_repeated() -> None:
    with client() as (looking, api):
        api.gate = asyncio.Event()
        looking.ask("a", 0)
        looking.close()
        looking.close()
        assert not looking._thread.is_alive()
        assert looking.report()["open"] == 1
        with pytest.raises(UsageError, match="closed"):
            looking.ask("b", 0)


def test_what_comes_back_from_before_an_outage_says_nothing_of_its_end() -> None:
    breaker = Breaker(failures=1, pause_ms=10)
    early, late = breaker.admit(0), breaker.admit(0)
    assert early is not None
    assert late is not None
    breaker.failed(late, 0)
    breaker.succeeded(early)
    assert breaker.state == "open"
    probe = breaker.admit(10)
    assert probe is not None
    breaker.failed(early, 10)
    breaker.succeeded(early)
    assert breaker.state == "half-open"
    breaker.failed(probe, 10)
    assert (breaker.state, breaker.left_ms(10)) == ("open", 10)


def test_an_answer_that_is_renewed_is_kept_for_longer_than_an_older_one() -> None:
    with client(most_kept=2) as (looking, _):
        for household, at in (("a", 0), ("b", 0), ("a", HOUR_MS), ("c", 0)):
            asked(looking, (household, at))
        (answer,) = asked(looking, ("a", HOUR_MS))
        assert answer.cached
        (answer,) = asked(looking, ("b", 0))
        assert not answer.cached


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("ftp://127.0.0.1", "k"),
        ("127.0.0.1:80", "k"),
        ("http://", "k"),
        ("http://127.0.0.1:99999", "k"),
        ("http://127.0.0.1/?a=b", "k"),
        ("http://127.0.0.1", ""),
        ("http://127.0.0.1", "k\r\nX-Other: 1"),
        ("http://127.0.0.1", "schlüssel"),
    ],
)
def test_what_can_be_no_address_or_key_is_refused(url: str, key: str) -> None:
    with pytest.raises(SettingError) as error:
        HttpFetch(url, key, 1.0)
    assert not key or key == "k" or key not in str(error.value)
