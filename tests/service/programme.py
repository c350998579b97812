"""The loyalty programme's stand-in in a thread, and its facts."""

from __future__ import annotations

import json
import random
import threading
from http.client import HTTPConnection
from typing import Any

from waitress import create_server, wasyncore

from streamsim.producers.http_client.background import Answer, BackgroundClient
from streamsim.simulator.standins.behaviour import Temper
from streamsim.simulator.standins.stand_in_server import create_stand_in
from streamsim.streams.domains.retail.loyalty import Member
from streamsim.streams.domains.retail.programme import PARTY
from tests.virtual_clock import VirtualClock

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
        self.members = PARTY.standin.begin()
        self.temper = Temper(lambda: self.clock.now_ms() / 1000, random.Random(7), most_waiting=2)
        app = create_stand_in(PARTY, self.members, self.temper, key=KEY, token=TOKEN)
        self.seen: list[tuple[int, int]] = []
        """Of every answer under /v1/members: when, by that clock, and its status."""
        self._sockets: dict[int, Any] = {}
        self._server = create_server(
            self._noting(app), host="127.0.0.1", port=0, threads=12, map=self._sockets
        )
        self._ending = False
        self._thread = threading.Thread(target=self._serve)

    def _noting(self, app: Any) -> Any:
        def noted(environ: Any, start_response: Any) -> Any:
            def start(status: str, *rest: Any) -> Any:
                if environ["PATH_INFO"].startswith("/v1/members"):
                    self.seen.append((self.clock.now_ms(), int(status[:3])))
                return start_response(status, *rest)

            return app(environ, start)

        return noted

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

    def client(self, key: str = KEY, **options: Any) -> BackgroundClient:
        url = f"http://127.0.0.1:{self.port}/"
        return BackgroundClient(PARTY, url, key, 3_600_000, **options)


def facts(household: str, redeemed: int = 0, **more: Any) -> dict[str, Any]:
    rows = [
        {"coupon": f"c{n}", "campaign": "18", "on": f"2017-{n % 12 + 1:02}-{n % 28 + 1:02}"}
        for n in range(redeemed)
    ]
    campaign = {"campaign": "18", "from": "2017-03-01", "until": "2017-04-09"}
    return {"household_id": household, "campaigns": [campaign], "redemptions": rows, **more}


def ordered(rows: list[Any]) -> list[tuple[str, str, str]]:
    return sorted((r["on"], r["campaign"], r["coupon"]) for r in rows)


def by_household(answers: list[Answer]) -> dict[str, Member | None]:
    assert not any(a.problem for a in answers), answers
    return {a.entity: a.said for a in answers}
