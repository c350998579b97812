"""HTTP server of a third party's stand-in, with faults that can be switched on.

Clients get the API key check, rate limit, slow answers, errors and outages of a real service. The
facts and the behaviour are changed through ``/admin``, which requires a token.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson
import werkzeug
from flask import Flask, Response, abort, request
from werkzeug.exceptions import HTTPException, InternalServerError

from streamsim.simulator.standins.behaviour import Temper
from streamsim.streams.errors import AnswerError
from streamsim.streams.spec.third_parties import Request, StandIn, ThirdPartySpec

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)
MAX_BODY = 8 << 20


def create_stand_in(
    party: ThirdPartySpec, standin: StandIn, temper: Temper, *, key: str, token: str = ""
) -> Flask:
    """Build the WSGI application.

    Parameters
    ----------
    key
        The API key of all requests except those about health.
    token
        The bearer token of requests to ``/admin``, which is closed without a token.
    """
    app = Flask(party.name)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY

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

    @app.post(f"/admin/{party.standin.entries}")
    def feed() -> Response:
        _authorise(token)
        facts = _body()
        changed = standin.learn(facts)
        return _json({"read": len(facts), "changed": changed})

    app.register_error_handler(AnswerError, lambda error: _json({"error": str(error)}, 400))
    app.register_error_handler(HTTPException, lambda error: _refuse(request, error))
    questions = _Questions(party, standin, temper, key)
    admin = app.wsgi_app

    def dispatch(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_admin = environ["PATH_INFO"].startswith("/admin/")
        return (admin if is_admin else questions)(environ, start_response)

    app.wsgi_app = dispatch  # type: ignore[method-assign]
    return app


class _Questions:
    """Answers as the third party does, at all paths but those under ``/admin``.

    It is a WSGI application by itself, because Flask takes longer to find out what to do with a
    request than the answer takes.
    """

    def __init__(self, party: ThirdPartySpec, standin: StandIn, temper: Temper, key: str) -> None:
        self._party, self._standin, self._temper, self._key = party, standin, temper, key

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = werkzeug.Request(environ)
        try:
            answer = self._answer(asked)
        except AnswerError as error:
            answer = _json({"error": str(error)}, 400)
        except HTTPException as error:
            answer = _refuse(asked, error)
        except Exception as error:
            answer = _refuse(asked, InternalServerError(original_exception=error))
        return answer(environ, start_response)

    def _answer(self, asked: werkzeug.Request) -> werkzeug.Response:
        question = Request(
            tuple(asked.path.removeprefix("/").split("/")),
            asked.args.to_dict(),
            dict(asked.headers),
            "GET" if asked.method == "HEAD" else asked.method,
        )
        if self._temper.behaviour.outage:
            abort(503, "out of order")
        if question.path != self._party.standin.health:
            refused = _admit(asked, self._party, self._temper, self._key)
            if refused is not None:
                return refused
        reply = self._standin.answer(question)
        return Response(
            reply.body, reply.status, reply.headers.items(), content_type="application/json"
        )


def _admit(
    asked: werkzeug.Request, party: ThirdPartySpec, temper: Temper, key: str
) -> Response | None:
    """Return the error response of a request, ``None`` if the request is admitted."""
    for name, value in party.api.authorise(key).items():
        given = asked.headers.get(name, "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, value.encode()):
            abort(401, f"send the API key in {name}")
    if seconds := temper.limited_s(key):
        return _json({"error": "too many questions"}, 429, {"Retry-After": str(seconds)})
    if not temper.wait():
        abort(503, "too many wait for slow answers")
    if temper.behaviour.outage:  # the outage began during the wait
        abort(503, "out of order")
    if temper.fails():
        abort(500, "an error that was asked for")
    return None


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
        abort(403, "this asks for the token of the stand-in")


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, content_type="application/json")


def _refuse(asked: werkzeug.Request, error: HTTPException) -> Response:
    status = error.code or 500
    original = getattr(error, "original_exception", None)
    if original is not None:
        log.error("%s %s", asked.method, asked.path, exc_info=original)
    said = _json({"error": error.description or error.name}, status)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            said.headers[name] = value  # Allow, which belongs to a 405
    return said
