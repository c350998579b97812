"""OpenAPI description of the model service, made from one table of its routes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamsim.models.recommend import LONGEST, MOST_ITEMS
from streamsim.models.serving.body_schemas import COUNT, OBJECT, SCHEMAS, TEXT, Schema, ref
from streamsim.models.serving.replies import NOT_HERE
from streamsim.streams.inference import BINARY_TYPE, HEADER_LENGTH
from streamsim.streams.version import __version__

JSON = "application/json"
_PART = re.compile(r"<(?:path:)?(\w+)>")
_REFUSALS = {
    400: "The request is wrong; the error says how.",
    401: "It changes the service's state, and has not its token.",
    403: "It changes the service's state, and the service has no token.",
    404: "There is no such thing, or it is not loaded.",
    409: "It would leave a model without the version that answers by default.",
    413: "Too many rows or bytes.",
    415: "The body's type or coding is not read.",
    500: "The version fails to score these rows; the error says how.",
    501: "Triton has this, and it is not offered here.",
    503: "Too many calls at once, or not ready yet; try again.",
}
_HEADERS = {401: "WWW-Authenticate", 415: "Accept-Encoding", 503: "Retry-After"}
_OF_BODY = (400, 413, 415)
_BYTES: Schema = {"type": "string", "format": "binary"}


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table.

    Parameters
    ----------
    paths
        As Flask writes them. They differ in whether they name a version.
    answer
        Schemas of a good answer by its type.
    body
        Schemas of the body by its type; none without a body.
    refused
        Statuses of refusals, beside those that every body or version may have.
    needs_token
        Whether it changes the service's state.
    """

    method: str
    paths: tuple[str, ...]
    name: str
    summary: str
    answer: Mapping[str, Schema] = field(default_factory=dict)
    body: Mapping[str, Schema] = field(default_factory=dict)
    refused: tuple[int, ...] = ()
    query: Mapping[str, Schema] = field(default_factory=dict)
    needs_token: bool = False

    def statuses(self, path: str) -> list[int]:
        """Return the statuses that it may answer with, in order."""
        found = {200} if self.answer else set()
        found |= {*self.refused, *(_OF_BODY if self.body else ())}
        if "<version>" in path or "version" in self.query:
            found.add(503)  # it may lie in the run's registry, and too many may wait for it
        return sorted(found | ({401, 403} if self.needs_token else set()))


def _json(name: str) -> dict[str, Schema]:
    return {JSON: ref(name)}


_VERSIONS: dict[str, Schema] = {"model": TEXT, "version": TEXT}
_MODEL = "/v2/models/<model>"
_AT = f"{_MODEL}/versions/<version>"
_REPOSITORY = "/v2/repository/models/<model>"
ROUTES = (
    Route("GET", ("/", "/v2"), "server", "Name, version and extensions.", _json("Server")),
    Route("GET", ("/openapi.json",), "openapi", "This description.", {JSON: OBJECT}),
    Route(
        "GET", ("/metrics",), "metrics", "Figures in Prometheus' text format.", {"text/plain": TEXT}
    ),
    Route("GET", ("/v2/health/live",), "live", "Whether it is alive.", _json("Live")),
    Route("GET", ("/v2/health/ready",), "ready", "Whether it is ready.", _json("Ready")),
    Route("GET", ("/ping",), "ping", "MLflow's question whether it is alive.", _json("Empty")),
    Route(
        "GET", (_MODEL, _AT), "metadata", "What a model takes.", _json("Metadata"), refused=(404,)
    ),
    Route(
        "GET",
        (f"{_MODEL}/ready", f"{_AT}/ready"),
        "model_ready",
        "Whether a model is loaded.",
        _json("ModelReady"),
        refused=(404,),
    ),
    Route(
        "POST",
        (f"{_MODEL}/infer", f"{_AT}/infer"),
        "infer",
        "Scores of rows, as JSON or as raw bytes behind it.",
        {JSON: ref("InferResponse"), BINARY_TYPE: _BYTES},
        {JSON: ref("InferRequest"), BINARY_TYPE: _BYTES},
        (404, 500, 503),
    ),
    Route(
        "GET",
        ("/predict",),
        "example",
        "A request with usual values.",
        _json("Example"),
        refused=(400, 404),
        query=_VERSIONS,
    ),
    Route(
        "POST",
        ("/predict",),
        "predict",
        "Scores of rows of named features.",
        _json("Predicted"),
        _json("Prediction"),
        (404, 500, 503),
    ),
    Route(
        "POST",
        ("/invocations",),
        "invocations",
        "MLflow's way to ask for scores.",
        _json("Invoked"),
        _json("Invocation"),
        (404, 500, 503),
        _VERSIONS,
    ),
    Route(
        "GET",
        ("/recommend/<path:entity>",),
        "recommend",
        "Items for a known entity.",
        _json("Slate"),
        refused=(400, 404, 503),
        query={
            "model": TEXT,
            "k": {"type": "integer", "minimum": 1, "maximum": MOST_ITEMS},
            "diversity": {"type": "number", "minimum": 0, "maximum": 1},
        },
    ),
    Route(
        "POST",
        ("/v2/repository/index",),
        "index",
        "The versions that there are.",
        _json("Indexed"),
        _json("Index"),
    ),
    Route(
        "POST",
        (f"{_REPOSITORY}/load",),
        "load",
        "Load a version, by default the champion. It is warmed, unless 'warm' is false, and then "
        "answers by default, unless 'default' is false. If it fails, nothing changes.",
        _json("Loaded"),
        _json("Load"),
        (404, 503),
        needs_token=True,
    ),
    Route(
        "POST",
        (f"{_REPOSITORY}/unload",),
        "unload",
        "Unload a version, or all of a model.",
        _json("Unloaded"),
        _json("Unload"),
        (404, 409),
        needs_token=True,
    ),
    Route(
        "GET",
        ("/schemas/<domain>.alerts.json",),
        "schema",
        "JSON Schema of a domain's alerts.",
        {"application/schema+json": OBJECT},
        refused=(404,),
    ),
    *(
        Route(
            method,
            (path,),
            "_".join(["triton", method.lower(), *re.findall(r"\w+", path)[1:]]),
            "Not offered.",
            refused=(404, 501) if "<path:" in path else (501,),  # no path has a line's end
        )
        for path in NOT_HERE
        for method in ("GET", "POST")
    ),
)


def described() -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of every route."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        for number, path in enumerate(route.paths):
            name = route.name if number == 0 else f"{route.name}_{number + 1}"
            at = paths.setdefault(_PART.sub(r"{\1}", path), {})
            at[route.method.lower()] = _operation(route, path, name)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "streamsim model service",
            "version": __version__,
            "description": "Open Inference Protocol v2, and plain JSON.",
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "responses": {str(status): _refusal(status) for status in _REFUSALS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, path: str, name: str) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status in route.statuses(path):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
        if status == 200:
            answers["200"] = {"description": "Done.", "content": _content(route.answer)}
            if BINARY_TYPE in route.answer:
                answers["200"]["headers"] = {HEADER_LENGTH: {"schema": TEXT}}
    found: dict[str, Any] = {"operationId": name, "summary": route.summary, "responses": answers}
    if parameters := list(_parameters(route, path)):
        found["parameters"] = parameters
    if route.body:
        # What changes nothing, or the usual, may be asked for without a body.
        required = not route.needs_token and route.name != "index"
        found["requestBody"] = {"required": required, "content": _content(route.body)}
    if route.needs_token:
        found["security"] = [{"token": []}]
    return found


def _parameters(route: Route, path: str) -> Iterator[dict[str, Any]]:
    for name in _PART.findall(path):
        schema = {"type": "string", "minLength": 1}
        if name == "entity":
            schema["maxLength"] = LONGEST
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for name, kind in route.query.items():
        yield {"name": name, "in": "query", "schema": kind}
    if BINARY_TYPE in route.body:
        yield {
            "name": HEADER_LENGTH,
            "in": "header",
            "description": "Bytes of the JSON before raw tensors.",
            "schema": COUNT,
        }


def _content(kinds: Mapping[str, Schema]) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind, schema in kinds.items()}


def _refusal(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": _REFUSALS[status],
        "content": _content(_json("Refusal")),
    }
    if status in _HEADERS:
        found["headers"] = {_HEADERS[status]: {"required": True, "schema": TEXT}}
    return found
