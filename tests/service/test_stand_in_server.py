"""The loyalty programme's stand-in over a real socket: answers, limits and faults."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from streamsim.simulator.standins.stand_in_server import MAX_BODY, create_stand_in
from streamsim.streams.domains.retail.programme import PARTY
from tests.service.programme import ADMIN, KEY, KEYED, SOON_S, TOKEN, Programme, facts, ordered
from tests.stacks import until

# What it answers


def test_a_member_and_a_stranger(programme: Programme) -> None:
    programme.feed(facts("7", 1, profile={"age": "65+", "household_size": 2}))
    status, said, _ = programme.call("GET", "/v1/members/7", headers=KEYED)
    assert (status, said) == (
        200,
        {
            "household_id": "7",
            "campaigns": [{"campaign": "18", "from": "2017-03-01", "until": "2017-04-09"}],
            "profile": {"age": "65+", "household_size": 2},
        },
    )
    for path in ("/v1/members/8", "/v1/members/8/redemptions"):
        status, said, _ = programme.call("GET", path, headers=KEYED)
        assert (status, said["household_id"]) == (404, "8")
    assert programme.call("GET", "/v1/health")[1] == {"status": "ok", "members": 1}


def test_pages_hold_everything_once_also_while_facts_come(programme: Programme) -> None:
    programme.feed(facts("7", 120))
    found: list[Any] = []
    cursor: str | None = ""
    sizes = []
    while cursor is not None:
        path = f"/v1/members/7/redemptions?limit=50&cursor={cursor}".removesuffix("&cursor=")
        status, said, _ = programme.call("GET", path, headers=KEYED)
        assert status == 200
        found += said["redemptions"]
        cursor = said["next"]
        sizes.append(len(said["redemptions"]))
        # Of a day that has been passed: it moves no page.
        early = {"coupon": f"e{len(sizes)}", "campaign": "1", "on": "2016-01-01"}
        programme.feed({"household_id": "7", "redemptions": [early]})
    assert sizes == [50, 50, 20]
    assert ordered(found) == ordered(facts("7", 120)["redemptions"])


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=51", "limit=-1", "limit=ten", "limit=", "limit=1_0", "limit=99999999999"]
    + [f"cursor={c}" for c in ("", "x", "%00", "WyI3Il0", "bnVsbA", "e30", "%C3%A4", "a" * 5_000)],
)  # fmt: skip
def test_a_bad_page_is_400(programme: Programme, query: str) -> None:
    programme.feed(facts("7", 3))
    status, said, _ = programme.call("GET", f"/v1/members/7/redemptions?{query}", headers=KEYED)
    assert (status, list(said)) == (400, ["error"])


def test_a_cursor_is_of_one_household(programme: Programme) -> None:
    programme.feed(facts("7", 3), facts("8", 3))
    _, said, _ = programme.call("GET", "/v1/members/7/redemptions?limit=1", headers=KEYED)
    path = f"/v1/members/8/redemptions?cursor={said['next']}"
    assert programme.call("GET", path, headers=KEYED)[0] == 400


@pytest.mark.parametrize("key", [None, "", "another", KEY + "x", KEY[:-1], "\xe4"])
def test_without_the_key_there_is_no_answer(programme: Programme, key: str | None) -> None:
    headers = {} if key is None else {"X-Api-Key": key}
    for path in ("/v1/members/7", "/v1/members/7/redemptions"):
        assert programme.call("GET", path, headers=headers)[0] == 401


@pytest.mark.parametrize("token", [None, "Bearer ", "Bearer x", TOKEN, f"Bearer {TOKEN}x"])
def test_admin_asks_for_its_token(programme: Programme, token: str | None) -> None:
    headers = dict(KEYED) if token is None else {"Authorization": token}
    for method, path in (
        ("GET", "/admin/behaviour"),
        ("PUT", "/admin/behaviour"),
        ("POST", "/admin/members"),
    ):
        assert programme.call(method, path, [], headers)[0] == 403
    closed = create_stand_in(PARTY, PARTY.standin.begin(), programme.temper, key=KEY).test_client()
    assert closed.get("/admin/behaviour", headers={"Authorization": "Bearer "}).status_code == 403


def test_a_post_that_is_repeated_changes_nothing(programme: Programme) -> None:
    first = [facts("7", 3, profile={"age": "65+"}), facts("8")]
    assert programme.feed(*first) == {"read": 2, "changed": 2}
    assert programme.feed(*first, *first) == {"read": 4, "changed": 0}
    more = {"household_id": "7", "redemptions": facts("7", 4)["redemptions"]}
    assert programme.feed(more) == {"read": 1, "changed": 1}
    longer = {"campaign": "18", "from": "2017-03-01", "until": "2017-05-01"}
    assert programme.feed({"household_id": "8", "campaigns": [longer]})["changed"] == 1
    assert programme.feed({"household_id": "7", "profile": {"household_size": 3}})["changed"] == 1
    _, said, _ = programme.call("GET", "/v1/members/7", headers=KEYED)
    assert said["profile"] == {"age": "65+", "household_size": 3}
    _, said, _ = programme.call("GET", "/v1/members/7/redemptions", headers=KEYED)
    assert len(said["redemptions"]) == 4


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/admin/members", b"", 400),
        ("POST", "/admin/members", b"[", 400),
        ("POST", "/admin/members", b"[" * 100_000, 400),
        ("POST", "/admin/members", b'{"household_id": "7"}', 400),
        ("POST", "/admin/members", b'[{"household_id": "7", "campaign": []}]', 400),
        ("POST", "/admin/members", b'[{"household_id": "9"}, {"household_id": 7}]', 400),
        ("POST", "/admin/members", b"\xff\xfe", 400),
        ("POST", "/admin/members", b" " * (MAX_BODY + 1), 413),
        ("PUT", "/admin/behaviour", b"[]", 400),
        ("PUT", "/admin/behaviour", b'{"outage": 1}', 400),
        ("PUT", "/admin/behaviour", b'{"error_rate": 1.5}', 400),
        ("PUT", "/admin/behaviour", b'{"rate_per_s": 0}', 400),
        ("PUT", "/admin/behaviour", b'{"latency_ms": true}', 400),
        ("PUT", "/admin/behaviour", b'{"latency_ms": NaN}', 400),
        ("PUT", "/admin/behaviour", b'{"latency": 1}', 400),
        ("DELETE", "/admin/behaviour", b"", 405),
        ("POST", "/v1/members/7", b"{}", 405),
        ("GET", "/admin/members", None, 405),
        ("GET", "/v2/members/7", None, 404),
        ("GET", "/", None, 404),
        ("GET", "/v1/members/", None, 404),
        ("GET", "/v1/members/..%2f..", None, 404),
    ],
)
def test_what_is_wrong_is_said(
    programme: Programme, method: str, path: str, body: bytes | None, status: int
) -> None:
    found, said, headers = programme.call(method, path, body, {**ADMIN, **KEYED})
    assert (found, list(said)) == (status, ["error"])
    assert len(said["error"]) > 10
    assert "Traceback" not in said["error"]
    assert (status == 405) == ("Allow" in headers)
    assert len(programme.members) == 0, "half of a refused post was taken"


def test_compressed_bodies_are_not_read(programme: Programme) -> None:
    headers = {**ADMIN, "Content-Encoding": "gzip"}
    assert programme.call("POST", "/admin/members", b"[]", headers)[0] == 415


# How it behaves


def test_behaviour_is_changed_in_part_and_shown(programme: Programme) -> None:
    programme.behave(rate_per_s=5, burst=2)
    programme.behave(error_rate=0.5)
    status, said, _ = programme.call("GET", "/admin/behaviour", headers=ADMIN)
    assert (status, said) == (
        200,
        {"latency_ms": 0, "latency_jitter_ms": 0, "outage": False, "error_rate": 0.5,
         "rate_per_s": 5, "burst": 2},
    )  # fmt: skip


def test_a_key_may_ask_as_often_as_its_bucket_holds(programme: Programme) -> None:
    programme.behave(rate_per_s=0.25, burst=2)
    asked = [programme.call("GET", "/v1/members/7", headers=KEYED) for _ in range(3)]
    assert [status for status, _, _ in asked] == [404, 404, 429]
    assert asked[-1][2]["Retry-After"] == "4"
    # Requests without a key take no tokens from a bucket.
    assert programme.call("GET", "/v1/members/7", headers={"X-Api-Key": "x"})[0] == 401
    for seconds, more in ((4, 1), (1_000_000, 2)):  # a long pause fills it, and no more
        programme.clock.sleep(seconds)
        asked = [programme.call("GET", "/v1/members/7", headers=KEYED) for _ in range(3)]
        assert [status for status, _, _ in asked] == [404] * more + [429] * (3 - more)


def test_errors_are_drawn_and_an_outage_is_whole(programme: Programme) -> None:
    programme.behave(error_rate=0.3)
    seen = Counter(programme.call("GET", "/v1/members/7", headers=KEYED)[0] for _ in range(60))
    assert set(seen) == {404, 500}
    programme.behave(outage=True)
    for path in ("/v1/members/7", "/v1/members/7/redemptions", "/v1/health"):
        assert programme.call("GET", path, headers=KEYED)[0] == 503
    programme.behave(outage=False, error_rate=0)
    assert programme.call("GET", "/v1/health")[0] == 200


def test_slowness_can_be_switched_off_while_all_that_may_wait_do(programme: Programme) -> None:
    programme.behave(latency_ms=60_000)
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(programme.call("GET", "/v1/members/7", headers=KEYED)[0])

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: statuses == [503], "the one that found no room to wait")
    programme.behave(latency_ms=0)
    for thread in threads:
        thread.join(SOON_S)
    assert sorted(statuses) == [404, 404, 503]
