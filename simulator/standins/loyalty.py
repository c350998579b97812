"""Stands in for a third party's loyalty programme: a small HTTP service with faults to plan.

Its clients meet what they would meet of the real one: an API key, a rate limit, pages, slow
answers, errors and outages. How it behaves and what it knows are changed through ``/admin``, which
asks for a token.
"""

from __future__ import annotations

import argparse
import hmac
import logging
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
from flask import Flask, Response, abort, request
from werkzeug.exceptions import HTTPException

from streamsim.simulator.standins.behaviour import Temper
from streamsim.simulator.standins.members import Members, read_facts, read_file
from streamsim.streams.errors import AnswerError, SettingError, StackError, StreamsimError
from streamsim.streams.settings import read_settings

log = logging.getLogger(__name__)
PORT = 8600
MAX_BODY = 8 << 20
MAX_PAGE = 50
THREADS, MOST_WAITING = 32, 28
"""Of these threads, so many may be slow: the others answer whoever switches the slowness off."""
SILENCE_S = 20
"""A connection that sends nothing for so long is closed."""
KEY = "X-Api-Key"


def create_loyalty(members: Members, temper: Temper, *, key: str, token: str = "") -> Flask:
    """Build the WSGI application.

    Parameters
    ----------
    key
        What ``X-Api-Key`` must carry under ``/v1``.
    token
        What ``Authorization: Bearer ...`` must carry under ``/admin``; without one it is closed.
    """
    app = Flask("loyalty")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY

    @app.get("/v1/health")
    def health() -> Response:
        if temper.behaviour.outage:
            abort(503, "out of order")
        return _json({"status": "ok", "members": len(members)})

    @app.get("/v1/members/<household_id>")
    def member(household_id: str) -> Response:
        return _admit(temper, key) or _found(members.get(household_id), household_id)

    @app.get("/v1/members/<household_id>/redemptions")
    def redemptions(household_id: str) -> Response:
        if (refused := _admit(temper, key)) is not None:
            return refused
        page = members.page(household_id, request.args.get("cursor"), _limit())
        return _found(page, household_id)

    @app.get("/admin/behaviour")
    def behaviour() -> Response:
        _authorise(token)
        return _json(temper.behaviour.as_dict())

    @app.put("/admin/behaviour")
    def behave() -> Response:
        _authorise(token)
        changed = temper.change(_body())
        log.info("behaves now: %s", changed.as_dict())
        return _json(changed.as_dict())

    @app.post("/admin/members")
    def feed() -> Response:
        _authorise(token)
        facts = read_facts(_body())
        return _json({"read": len(facts), "changed": members.merge(facts)})

    app.register_error_handler(AnswerError, lambda error: _json({"error": str(error)}, 400))
    app.register_error_handler(HTTPException, _refuse)
    return app


def _admit(temper: Temper, key: str) -> Response | None:
    """Return why a question gets no answer, ``None`` if it gets one."""
    if temper.behaviour.outage:
        abort(503, "out of order")
    given = request.headers.get(KEY, "")
    if not hmac.compare_digest(given.encode("latin-1", "replace"), key.encode()):
        abort(401, f"send the API key in {KEY}")
    if seconds := temper.limited_s(key):
        return _json({"error": "too many questions"}, 429, {"Retry-After": str(seconds)})
    if not temper.wait():
        abort(503, "too many wait for slow answers")
    if temper.behaviour.outage:  # it began meanwhile
        abort(503, "out of order")
    if temper.fails():
        abort(500, "an error that was asked for")
    return None


def _found(value: dict[str, Any] | None, household_id: str) -> Response:
    """Say whom the programme does not know: a 404 for a wrong path does not name a household."""
    if value is not None:
        return _json(value)
    return _json({"error": "not in the programme", "household_id": household_id[:100]}, 404)


def _limit() -> int:
    text = request.args.get("limit", str(MAX_PAGE))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MAX_PAGE):
        raise AnswerError(f"limit must be a whole number from 1 to {MAX_PAGE}")
    return int(text)


def _body() -> Any:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        abort(415, "compressed bodies are not read")
    try:
        return orjson.loads(request.get_data(cache=False))
    except orjson.JSONDecodeError as error:
        raise AnswerError(f"not JSON: {error}") from None


def _authorise(token: str) -> None:
    given = request.headers.get("Authorization", "").encode("latin-1", "replace")
    if not token or not hmac.compare_digest(given, f"Bearer {token}".encode()):
        abort(403, "this is for whoever has the token of the stand-in")


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, content_type="application/json")


def _refuse(error: HTTPException) -> Response:
    status = error.code or 500
    original = getattr(error, "original_exception", None)
    if original is not None:
        log.error("%s %s", request.method, request.path, exc_info=original)
    said = _json({"error": error.description or error.name}, status)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            said.headers[name] = value  # Allow, which belongs to a 405
    return said


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m streamsim.simulator.standins.loyalty",
        description="Stand in for a third party's loyalty programme. Its API key is "
        "STREAMSIM_LOYALTY_KEY, the token for /admin is STREAMSIM_TOKEN.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=PORT, help="port to listen on (%(default)s); 0 takes a free one"
    )
    parser.add_argument("--members", type=Path, metavar="FILE", help="JSON of what it knows")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        arguments = parser().parse_args(argv)
        _serve(arguments.host, arguments.port, arguments.members)
    except StreamsimError as error:
        print(f"streamsim.simulator.standins.loyalty: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _serve(host: str, port: int, file: Path | None) -> None:
    from waitress import create_server

    settings = read_settings()
    if not settings.loyalty_key:
        raise SettingError("set STREAMSIM_LOYALTY_KEY, the API key that clients are to send")
    if not 0 <= port <= 65_535:
        raise SettingError(f"--port must be between 0 and 65535, not {port}")
    members = Members()
    if file is not None:
        members.merge(read_file(file))
    temper = Temper(time.monotonic, random.Random(settings.seed), MOST_WAITING)  # noqa: S311
    app = create_loyalty(members, temper, key=settings.loyalty_key, token=settings.token)
    try:
        server = create_server(
            app,
            host=host,
            port=port,
            threads=THREADS,
            channel_timeout=SILENCE_S,
            cleanup_interval=5,
            # As the model service does: what is too large is read before Flask refuses it.
            max_request_body_size=MAX_BODY * 4,
            ident="loyalty",
        )
    except OSError as error:
        raise StackError(f"cannot listen on {host}:{port}: {error.strerror}") from None

    def stop(number: int, frame: FrameType | None) -> None:
        temper.change({"latency_ms": 0, "latency_jitter_ms": 0})  # nobody is waited for
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    address = f"http://{host}:{server.effective_port}"
    print(f"loyalty programme on {address}, members: {len(members)}", flush=True)
    try:
        server.run()
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
