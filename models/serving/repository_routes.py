"""Model repository of the service: which versions there are, and to load and unload them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, request
from werkzeug.wrappers import Request

from streamsim.models.loaded import Shelf
from streamsim.models.serving.replies import authorise, json_reply
from streamsim.streams.errors import BadRequest, ModelError
from streamsim.streams.inference import load_object
from streamsim.streams.spec.renewals import version_order

LOAD: Mapping[str, type] = {"version": str, "default": bool, "warm": bool}
UNLOAD: Mapping[str, type] = {"version": str, "unload_dependents": bool}
"""Parameters and their types; Triton's client says ``unload_dependents``, and here are none."""
_NAMED = {str: "a string", bool: "true or false"}


def parameters(asked: Mapping[str, Any], known: Mapping[str, type]) -> dict[str, Any]:
    """Return the parameters of a request; a misspelt one must not be taken for its default.

    Raises
    ------
    BadRequest
        If there is one that is not known, or of another type.

    Examples
    --------
    >>> parameters({"parameters": {"version": "4", "default": False}}, LOAD)
    {'version': '4', 'default': False}
    """
    given = asked.get("parameters", {})
    if not isinstance(given, dict):
        raise BadRequest("'parameters' must be an object")
    if asked.keys() - {"parameters"}:
        raise BadRequest("send {'parameters': {...}}")
    for name, value in given.items():
        if name not in known:
            raise BadRequest(f"no parameter {name[:100]!r}; there are: {', '.join(known)}")
        if not isinstance(value, known[name]):
            raise BadRequest(f"parameter {name!r} must be {_NAMED[known[name]]}")
    return given


def add_repository(app: Flask, shelf: Shelf, token: str, read: Callable[[Request], bytes]) -> None:
    """Add the routes under ``/v2/repository``; ``read`` returns the body of a request."""

    @app.post("/v2/repository/index")
    def index() -> Response:
        asked = load_object(read(request) or b"{}")
        only_ready = asked.get("ready", False)
        if not isinstance(only_ready, bool):
            raise BadRequest("'ready' must be true or false")
        return json_reply([r for r in _index(shelf) if r["state"] == "READY" or not only_ready])

    @app.post("/v2/repository/models/<model>/load")
    def load(model: str) -> Response:
        authorise(request, token)
        given = parameters(load_object(read(request) or b"{}"), LOAD)
        version = given.get("version")
        try:
            signature = shelf.load(
                model, version, default=given.get("default", True), warmed=given.get("warm", True)
            )
        except ModelError as error:
            there = shelf.has(model, version)
            raise BadRequest(str(error), 400 if there else 404) from error
        return json_reply({"name": signature.model, "version": signature.version})

    @app.post("/v2/repository/models/<model>/unload")
    def unload(model: str) -> Response:
        authorise(request, token)
        given = parameters(load_object(read(request) or b"{}"), UNLOAD)
        shelf.unload(model, given.get("version"))
        return json_reply({"name": model})


def _index(shelf: Shelf) -> list[dict[str, str]]:
    registry = shelf.registry
    return [
        {"name": m, "version": v, "state": "READY" if v in shelf.versions(m) else "UNAVAILABLE"}
        for m in sorted({*registry.models(), *shelf.models()})
        for v in sorted({*registry.versions(m), *shelf.versions(m)}, key=version_order)
    ]
