"""HTTP client over real sockets: against the stand-in, and against a misbehaving API."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from streamsim.producers.http_client.background import BackgroundClient
from streamsim.producers.http_client.retrying import Limits
from streamsim.streams.domains.retail.programme import PARTY
from streamsim.streams.errors import SettingError
from tests.service.programme import KEY, SOON_S, Programme, by_household, facts, ordered
from tests.stacks import until


def test_a_client_finds_members_strangers_and_all_pages(programme: Programme) -> None:
    programme.feed(facts("7", 120, profile={"age": "65+"}), facts("8"))
    with programme.client() as looking:
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


def test_a_client_keeps_to_the_limit(programme: Programme) -> None:
    """The pauses of the one and the bucket of the other go by one clock: none is real."""
    programme.behave(rate_per_s=0.5, burst=4)

    async def sleep(seconds: float) -> None:
        programme.clock.sleep(seconds)

    limits = Limits(at_once=4)
    with programme.client(clock=programme.clock, sleep=sleep, limits=limits) as looking:
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
    limits = Limits(failures=3, pause_s=0.05, first_s=0.001, most_s=0.01, at_once=4)
    with programme.client(limits=limits) as looking:
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
    limits = Limits(timeout_s=0.15, failures=2, pause_s=0.01, first_s=0.01)
    with programme.client(limits=limits) as looking:
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
    limits = Limits(failures=8, pause_s=0.01, first_s=0.001, most_s=0.01, tries=100)
    with programme.client(limits=limits) as looking:
        for number in range(30):
            looking.ask(f"{number}", 0)
        assert looking.wait(SOON_S)
        found = by_household(looking.answers())
        assert all(m is not None and len(m["redemptions"]) == 60 for m in found.values())
        assert looking.report()["failed"] > 20


def test_a_wrong_key_or_address_is_said_without_showing_the_key(programme: Programme) -> None:
    with programme.client(key="the-wrong-one") as looking:
        looking.ask("7", 0)
        with pytest.raises(SettingError, match="STREAMSIM_LOYALTY_KEY") as error:
            looking.wait(SOON_S)
        assert "the-wrong-one" not in str(error.value)
    url = f"http://127.0.0.1:{programme.port}/other"
    with BackgroundClient(PARTY, url, KEY, 0) as looking:
        looking.ask("7", 0)
        with pytest.raises(SettingError, match="is the address right"):
            looking.wait(SOON_S)


class Rough(BaseHTTPRequestHandler):
    """A misbehaving API: its fault depends on the entity and the number of requests."""

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
        """Send no reply."""


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
    with BackgroundClient(PARTY, url, KEY, 0, limits=Limits(first_s=0.001)) as looking:
        for household in ("zipped", "large", "broken", "good"):
            looking.ask(household, 0)
        assert looking.wait(SOON_S)
        answers = {a.entity: a for a in looking.answers()}
        assert "no JSON object" in answers["zipped"].problem
        assert "more than 1,048,576 bytes" in answers["large"].problem
        assert answers["broken"].said == answers["good"].said | {"household_id": "broken"}
        assert looking.report()["failed"] == 3  # each path of the one, once
        asked = rough.RequestHandlerClass.seen  # type: ignore[attr-defined]
        cursors = [path.split("cursor=")[1] for path in asked if "/good/" in path and "cur" in path]
        assert [unquote(c) for c in cursors] == ["a+/=&b%"]
        looking.ask("redirect", 0)
        with pytest.raises(SettingError, match="302"):
            looking.wait(SOON_S)
