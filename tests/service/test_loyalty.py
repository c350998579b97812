"""The loyalty programme's stand-in over a real socket, and the lookups that ask it."""

from __future__ import annotations

import doctest
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from waitress import create_server, wasyncore

from producers.asking import Manners
from producers.lookups import Answer, Lookups
from simulator.broker import free_port
from simulator.standins.behaviour import Temper
from simulator.standins.loyalty import MAX_BODY, create_loyalty
from simulator.standins.members import Members
from streams.clock import VirtualClock
from streams.errors import SettingError
from streams.loyalty import Member
from tests.conftest import ROOT
from tests.stacks import until

KEY, TOKEN = "a-key-for-tests", "a-token-for-tests"
KEYED = {"X-Api-Key": KEY}
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
SOON_S = 20.0


class Programme:
    """The stand-in behind waitress, in a thread; a context manager.

    Its rate limit goes by a clock of its own that moves only when it is told.
    """

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.members = Members()
        self.temper = Temper(lambda: self.clock.now_ms() / 1000, random.Random(7), most_waiting=2)
        app = create_loyalty(self.members, self.temper, key=KEY, token=TOKEN)
        self.seen: list[tuple[int, int]] = []
        """Of every answer under /v1/members: when, by that clock, and its status."""
        app.after_request(self._note)
        self._sockets: dict[int, Any] = {}
        self._server = create_server(app, host="127.0.0.1", port=0, threads=12, map=self._sockets)
        self._ending = False
        self._thread = threading.Thread(target=self._serve)

    def _note(self, response: Any) -> Any:
        from flask import request

        if request.path.startswith("/v1/members"):
            self.seen.append((self.clock.now_ms(), response.status_code))
        return response

    def _serve(self) -> None:
        while not self._ending:
            wasyncore.loop(timeout=0.02, map=self._sockets, count=1)

    @property
    def port(self) -> int:
        return int(self._server.effective_port)

    def __enter__(self) -> Programme:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.temper.change({"latency_ms": 0, "latency_jitter_ms": 0})
        self._ending = True
        self._thread.join(10)
        self._server.task_dispatcher.shutdown(timeout=5)
        wasyncore.close_all(self._sockets)

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """Make one request; return status, decoded body and headers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            return response.status, json.loads(response.read()), dict(response.getheaders())
        finally:
            connection.close()

    def behave(self, **given: Any) -> None:
        status, said, _ = self.call("PUT", "/admin/behaviour", given, ADMIN)
        assert status == 200, said

    def feed(self, *members: dict[str, Any]) -> Any:
        status, said, _ = self.call("POST", "/admin/members", list(members), ADMIN)
        assert status == 200, said
        return said

    def lookups(self, key: str = KEY, **options: Any) -> Lookups:
        return Lookups(f"http://127.0.0.1:{self.port}/", key, 3_600_000, **options)


def facts(household: str, redeemed: int = 0, **more: Any) -> dict[str, Any]:
    rows = [
        {"coupon": f"c{n}", "campaign": "18", "on": f"2017-{n % 12 + 1:02}-{n % 28 + 1:02}"}
        for n in range(redeemed)
    ]
    campaign = {"campaign": "18", "from": "2017-03-01", "until": "2017-04-09"}
    return {"household_id": household, "campaigns": [campaign], "redemptions": rows, **more}


@pytest.fixture
def programme() -> Iterator[Programme]:
    with Programme() as programme:
        yield programme


def ordered(rows: list[Any]) -> list[tuple[str, str, str]]:
    return sorted((r["on"], r["campaign"], r["coupon"]) for r in rows)


def by_household(answers: list[Answer]) -> dict[str, Member | None]:
    assert not any(a.problem for a in answers), answers
    return {a.household_id: a.member for a in answers}


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
    closed = create_loyalty(Members(), programme.temper, key=KEY).test_client()
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
    # Whoever has no key empties no bucket.
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


# Who asks


def test_lookups_find_members_strangers_and_all_pages(programme: Programme) -> None:
    programme.feed(facts("7", 120, profile={"age": "65+"}), facts("8"))
    with programme.lookups() as looking:
        for household in ("7", "8", "9"):
            looking.ask(household, 5)
        assert looking.wait(SOON_S)
        found = by_household(looking.answers())
        assert found["9"] is None
        assert found["8"] is not None
        assert found["8"]["redemptions"] == []
        assert found["7"] is not None
        assert ordered(found["7"]["redemptions"]) == ordered(facts("7", 120)["redemptions"])
        assert looking.report()["requests"] == 1 + 3 + 2 + 1


def test_lookups_keep_to_the_limit(programme: Programme) -> None:
    """The pauses of the one and the bucket of the other go by one clock: none is real."""
    programme.behave(rate_per_s=0.5, burst=4)

    async def sleep(seconds: float) -> None:
        programme.clock.sleep(seconds)

    manners = Manners(at_once=4)
    with programme.lookups(clock=programme.clock, sleep=sleep, manners=manners) as looking:
        for number in range(20):
            looking.ask(f"x{number}", 0)
        assert looking.wait(SOON_S)
        assert len(by_household(looking.answers())) == 20
        report = looking.report()
    limited = [at for at, status in programme.seen if status == 429]
    answered = [at for at, status in programme.seen if status == 404]
    assert (len(answered), report["failed"], report["breaker"]["open"]) == (20, 0, 0)
    assert 0 < len(limited) == report["rate_limited"] <= 4 * 16  # all four, for every token
    assert max(answered) >= (20 - 4) / 0.5 * 1000, "faster than the limit"


def test_no_question_is_lost_in_an_outage(programme: Programme) -> None:
    programme.feed(*(facts(f"{n}", 1) for n in range(40)))
    programme.behave(outage=True, rate_per_s=10_000, burst=10_000)
    manners = Manners(failures=3, pause_s=0.05, first_s=0.001, most_s=0.01, at_once=4)
    with programme.lookups(manners=manners) as looking:
        for number in range(60):
            looking.ask(f"{number}", number)
        until(lambda: looking.report()["breaker"]["open"] >= 3, "probes that find it still gone")
        assert looking.answers() == []
        assert not looking.wait(0)
        programme.behave(outage=False)
        assert looking.wait(SOON_S)
        found = by_household(looking.answers())
        report = looking.report()
    assert {h for h, member in found.items() if member} == {f"{n}" for n in range(40)}
    assert len(found) == 60
    assert report["breaker"]["closed"] == 1
    # Four may have been on their way when it opened; after that, one for every probe.
    assert Counter(s for _, s in programme.seen)[503] <= 3 - 1 + 4 + report["breaker"]["half-open"]


def test_whoever_is_too_slow_is_asked_again(programme: Programme) -> None:
    programme.feed(facts("7", 1))
    programme.behave(latency_ms=60_000)
    manners = Manners(timeout_s=0.15, failures=2, pause_s=0.01, first_s=0.01)
    with programme.lookups(manners=manners) as looking:
        looking.ask("7", 0)
        until(lambda: looking.report()["failed"] >= 3, "time-outs")
        programme.behave(latency_ms=0)
        assert looking.wait(SOON_S)
        assert by_household(looking.answers())["7"] is not None


def test_half_of_the_answers_are_errors_and_all_questions_are_answered(
    programme: Programme,
) -> None:
    programme.feed(*(facts(f"{n}", 60) for n in range(30)))
    programme.behave(error_rate=0.5, rate_per_s=10_000, burst=10_000)
    manners = Manners(failures=8, pause_s=0.01, first_s=0.001, most_s=0.01, tries=100)
    with programme.lookups(manners=manners) as looking:
        for number in range(30):
            looking.ask(f"{number}", 0)
        assert looking.wait(SOON_S)
        found = by_household(looking.answers())
        assert all(m is not None and len(m["redemptions"]) == 60 for m in found.values())
        assert looking.report()["failed"] > 20


def test_a_wrong_key_or_address_is_said_without_showing_the_key(programme: Programme) -> None:
    with programme.lookups(key="the-wrong-one") as looking:
        looking.ask("7", 0)
        with pytest.raises(SettingError, match="STREAMSIM_LOYALTY_KEY") as error:
            looking.wait(SOON_S)
        assert "the-wrong-one" not in str(error.value)
    url = f"http://127.0.0.1:{programme.port}/other"
    with Lookups(url, KEY, 0) as looking:
        looking.ask("7", 0)
        with pytest.raises(SettingError, match="is the address right"):
            looking.wait(SOON_S)


class Rough(BaseHTTPRequestHandler):
    """An API of no manners: what it does depends on whom it is asked about, and how often."""

    protocol_version = "HTTP/1.1"
    seen: Counter[str]

    def do_GET(self) -> None:
        name = self.path.split("/")[3]
        self.seen[self.path] += 1
        if name == "redirect":
            self.answer(302, b"", Location="/v1/members/good")
        elif name == "zipped":
            self.answer(200, gzip.compress(b" " * 5_000_000), Content_Encoding="gzip")
        elif name == "large":
            self.answer(200, b" " * (4 << 20))
        elif name == "broken" and self.seen[self.path] == 1:
            self.answer(200, b"{", Content_Length="100")
            self.close_connection = True
        elif self.path.endswith("/redemptions?limit=50"):
            self.answer(200, b'{"redemptions": [], "next": "a+/=&b%"}')
        elif "cursor" in self.path:
            self.answer(200, b'{"redemptions": [], "next": null}')
        else:
            self.answer(200, json.dumps({"household_id": name}).encode())

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for header, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        with suppress(ConnectionError):  # who has had enough does not read on
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def rough() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (Rough,), {"seen": Counter()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def test_an_api_of_no_manners_harms_nobody(rough: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{rough.server_port}"
    with Lookups(url, KEY, 0, manners=Manners(first_s=0.001)) as looking:
        for household in ("zipped", "large", "broken", "good"):
            looking.ask(household, 0)
        assert looking.wait(SOON_S)
        answers = {a.household_id: a for a in looking.answers()}
        assert "no JSON object" in answers["zipped"].problem
        assert "more than 1,048,576 bytes" in answers["large"].problem
        assert answers["broken"].member == answers["good"].member | {"household_id": "broken"}  # type: ignore[operator]
        assert looking.report()["failed"] == 3  # each path of the one, once
        asked = rough.RequestHandlerClass.seen  # type: ignore[attr-defined]
        cursors = [path.split("cursor=")[1] for path in asked if "/good/" in path and "cur" in path]
        assert [unquote(c) for c in cursors] == ["a+/=&b%"]
        looking.ask("redirect", 0)
        with pytest.raises(SettingError, match="302"):
            looking.wait(SOON_S)


# The command


class Command:
    """The stand-in as its command starts it, on a free port."""

    def __init__(self, *arguments: str, key: str = KEY) -> None:
        environ = {**os.environ, "STREAMSIM_TOKEN": TOKEN, "STREAMSIM_LOYALTY_KEY": key}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator.standins.loyalty", "--port", "0", *arguments],
            env=environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.communicate()

    def url(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r" on (http://127\.0\.0\.1:\d+), members: \d+$", line)
        assert found, (line, self.process.communicate(timeout=SOON_S))
        return found[1]


def test_the_command_serves_real_members_until_it_is_told_to_stop(tills: Path) -> None:
    file = tills / "loyalty.json"
    known = json.loads(file.read_text())["members"]
    with Command("--members", str(file)) as command:
        with Lookups(command.url(), KEY, 0) as looking:
            households = sorted(known)[::25]
            for household in households:
                looking.ask(household, 0)
            assert looking.wait(SOON_S)
            found = by_household(looking.answers())
        for household in households:
            member = found[household]
            assert member is not None
            assert ordered(member["redemptions"]) == ordered(known[household]["redemptions"])
            assert {c["campaign"] for c in member["campaigns"]} == set(
                known[household]["campaigns"]
            )
            assert all(c["from"] < (c["until"] or "") for c in member["campaigns"])
        command.process.send_signal(signal.SIGTERM)
        out, err = command.process.communicate(timeout=SOON_S)
    assert (command.process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert KEY not in err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "cannot be read: No such file"),
        ("", "is not JSON"),
        ("household;campaign", "is not JSON"),
        ("7", "holds no members: send an array"),
        ("{}", "holds no members: an object with 'members'"),
        ('{"members": {"7": {"campaigns": ["1"]}}, "campaigns": []}', "a campaign without dates"),
        ('{"members": {"7": []}, "campaigns": []}', "household 7: not an object"),
        ('{"members": {}, "campaigns": [{"campaign_id": "1"}]}', "campaign 0 needs campaign_id"),
        ('[{"household_id": "7", "campaigns": [{"campaign": "1"}]}]', "'from' is no date"),
    ],
)
def test_a_file_that_holds_no_members_ends_it(
    tmp_path: Path, text: str | None, complaint: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from simulator.standins.loyalty import main

    monkeypatch.setenv("STREAMSIM_LOYALTY_KEY", KEY)
    file = tmp_path / "members.json"
    if text is not None:
        file.write_text(text)
    assert main(["--port", "0", "--members", str(file)]) == 2
    assert complaint in capsys.readouterr().err


def test_it_does_not_start_without_a_key() -> None:
    with Command(key="") as command:
        _, err = command.process.communicate(timeout=SOON_S)
        assert command.process.returncode == 2
        assert err.count("\n") == 1
        assert "STREAMSIM_LOYALTY_KEY" in err


# The page


def test_the_page_shows_what_its_commands_print(tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("curl or bash is not there")
    page = (ROOT / "docs" / "loyalty.md").read_text().replace("8600", str(free_port()))
    shown = "\n".join(re.findall(r"```console\n(.*?)```", page, re.DOTALL))
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", shown, re.MULTILINE)
    assert len(steps) > 9
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    options: Any = {
        "env": {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        "cwd": tmp_path,
        "stdout": subprocess.PIPE,
        "text": True,
    }
    with ExitStack() as started:
        for command, expected in steps:
            if "simulator.standins" in command:  # goes on: its first line is what it prints
                process = subprocess.Popen(["bash", "-c", f"exec env {command}"], **options)
                started.enter_context(process)
                started.callback(process.kill)
                assert process.stdout is not None
                printed = process.stdout.readline()
            else:
                done = subprocess.run(
                    ["bash", "-c", command], timeout=SOON_S, check=True, **options
                )
                printed = done.stdout
            assert printed.split() == expected.split(), command
        examples = doctest.DocTestParser().get_doctest(page, {}, "docs/loyalty.md", None, 0)
        assert len(examples.examples) > 4
        assert doctest.DocTestRunner().run(examples).failed == 0
