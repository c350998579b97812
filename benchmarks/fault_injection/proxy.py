"""A proxy between the workers and the model service, which can misbehave."""

from __future__ import annotations

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from streamsim.streams.inference import HEADER_LENGTH

WAYS = ("slow", "failing", "half an answer", "another shape", "gone")
SLOW_S = 0.8


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: callers may die at any time."""


class Proxy:
    """Passes calls on unless it is set to misbehave; a context manager.

    Parameters
    ----------
    target
        URL of the real model service.
    """

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self.way: str | None = None
        """Its current misbehaviour, one of :data:`WAYS`, or ``None``."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy._answer(self)

            def do_POST(self) -> None:
                proxy._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """The address of the proxy."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, caller: BaseHTTPRequestHandler) -> None:
        body = caller.rfile.read(int(caller.headers.get("Content-Length") or 0))
        way = self.way
        if way == "gone":
            caller.close_connection = True
            return
        if way == "slow":
            time.sleep(SLOW_S)
        if way == "failing":
            _refuse(caller, 503)
            return
        try:
            status, headers, answer = self._ask(caller, body)
        except (OSError, http.client.HTTPException):  # the service is not up yet, or has died
            _refuse(caller, 502)
            return
        if way == "another shape" and HEADER_LENGTH.lower() in headers:
            answer = answer[:-8]
        caller.send_response(status)
        for name, value in headers.items():
            if name not in ("content-length", "connection", "date", "server"):
                caller.send_header(name, value)
        caller.send_header("Content-Length", str(len(answer)))
        caller.end_headers()
        if way == "half an answer":
            caller.wfile.write(answer[: len(answer) // 2])
            caller.close_connection = True
            return
        caller.wfile.write(answer)

    def _ask(
        self, caller: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(
            str(self._target.hostname), int(self._target.port or 80), timeout=30
        )
        try:
            kept = {
                name: value
                for name, value in caller.headers.items()
                if name.lower() in ("content-type", HEADER_LENGTH.lower())
            }
            connection.request(caller.command, caller.path, body or None, kept)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return response.status, headers, response.read()
        finally:
            connection.close()


def _refuse(caller: BaseHTTPRequestHandler, status: int) -> None:
    caller.send_response(status)
    caller.send_header("Content-Length", "0")
    caller.end_headers()
