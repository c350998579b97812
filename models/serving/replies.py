"""Replies of the model service: JSON, and refusals with the headers that a client needs."""

from __future__ import annotations

import hmac
import logging
import traceback
from typing import Any

import orjson
from flask import Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Request

from streamsim.streams.errors import BadRequest, VersionFails

log = logging.getLogger(__name__)
NOT_HERE = (
    "/v2/models/<model>/config",
    "/v2/models/<model>/versions/<version>/config",
    "/v2/models/<model>/stats",
    "/v2/models/<model>/versions/<version>/stats",
    "/v2/models/stats",
    "/v2/models/<model>/generate",
    "/v2/models/<model>/trace/setting",
    "/v2/trace/setting",
    "/v2/logging",
    "/v2/systemsharedmemory/<path:rest>",
    "/v2/cudasharedmemory/<path:rest>",
)
"""What Triton offers beyond the protocol, and this service does not."""
_HEADERS = {
    401: {"WWW-Authenticate": 'Bearer realm="streamsim"'},
    415: {"Accept-Encoding": "gzip, identity"},
    503: {"Retry-After": "1"},
}


def json_reply(value: Any, status: int = 200) -> Response:
    """Return a value as JSON."""
    return Response(orjson.dumps(value), status, content_type="application/json")


def authorise(asked: Request, token: str) -> None:
    """Refuse a request without the token.

    Raises
    ------
    BadRequest
        With status 401, or 403 if no token is set.
    """
    if not token:
        raise BadRequest("this changes the service's state, and no token is set", 403)
    scheme, _, given = asked.headers.get("Authorization", "").partition(" ")
    is_known = hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not is_known:
        raise BadRequest("this changes the service's state and asks for its token", 401)


def not_here(**_: str) -> Response:
    """Refuse a path of :data:`NOT_HERE`."""
    raise BadRequest("this is Triton's, and not offered here", 501)


def refuse(error: BadRequest) -> Response:
    """Reply to a request that was wrong, with the reason."""
    response = json_reply({"error": str(error)}, error.status)
    response.headers.update(_HEADERS.get(error.status, {}))
    return response


def version_fails(error: VersionFails) -> Response:
    """Reply that the version that was asked fails, with its error; log where it came from.

    The text of the estimator's own error is not logged: it may hold values of the rows.
    """
    where = "".join(traceback.format_tb((error.__cause__ or error).__traceback__))
    log.error("%s: the version fails: %s\n%s", request.path, error, where)
    return json_reply({"error": str(error)}, 500)


def refuse_http(error: HTTPException) -> Response:
    """Reply to a request that Flask refuses; log what is our own fault."""
    status = error.code or 500
    if status >= 500:
        log.error("%s %s", request.method, request.path, exc_info=error)
    response = json_reply({"error": error.description or error.name}, status)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response
