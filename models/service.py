"""Model service: Open Inference Protocol v2 over HTTP, and plain ``POST /predict``.

Models with slates also recommend on request: ``GET /recommend/<entity>``. MLflow's clients may ask
by ``POST /invocations``. ``GET /openapi.json`` describes all routes, ``GET /metrics`` is for
Prometheus.

An invalid request gets 400, 404, 405, 413 or 415 and a line with the reason; a call to a model
above its limit of calls gets 503 and when to try again. A version that fails to score good rows
gets 500 and the error that it raised. What Triton's clients may ask for beyond the protocol gets
501. Requests that change the service's state need a token (401 without it); if
none is set, they are refused (403).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from streamsim.models.loaded import Loaded, Shelf
from streamsim.models.recommend import Slates, Wish
from streamsim.models.serving.call_limits import BESIDE, WAIT_S, CallLimits
from streamsim.models.serving.invocations import invoked_rows
from streamsim.models.serving.openapi import described
from streamsim.models.serving.replies import (
    NOT_HERE,
    json_reply,
    not_here,
    refuse,
    refuse_http,
    version_fails,
)
from streamsim.models.serving.repository_routes import add_repository
from streamsim.models.serving.request_bodies import read_body
from streamsim.models.serving.service_metrics import ServiceMetrics
from streamsim.streams.answers import Answers, Recommender, estimates_of, items_of, scores_of
from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.errors import BadRequest, VersionFails
from streamsim.streams.events import Matrix
from streamsim.streams.inference import (
    BINARY_TYPE,
    HEADER_LENGTH,
    INPUT,
    INPUT_TYPE,
    ITEMS,
    ITEMS_TYPE,
    OUTPUT,
    OUTPUT_TYPE,
    load_object,
    named_rows,
    read_infer,
    write_response,
)
from streamsim.streams.spec.alert_schema import alert_schema
from streamsim.streams.version import __version__

EXTENSIONS = ["binary_tensor_data", "model_repository"]


def create_service(
    shelf: Shelf,
    *,
    max_rows: int,
    max_body: int,
    token: str = "",
    slates: Mapping[str, Slates] | None = None,
) -> Flask:
    """Build the WSGI application.

    Parameters
    ----------
    max_rows, max_body
        Most rows and bytes that one request may have; more is answered with 413.
    token
        Token in ``Authorization: Bearer ...`` that is needed to load and unload models.
    slates
        By model, for models with slates on request.
    """
    on_request = slates or {}
    app = Flask("streamsim")
    app.url_map.strict_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = max_body
    read = partial(read_body, most=max_body)
    limits = CallLimits(wait_s=WAIT_S)
    metrics = ServiceMetrics(shelf)
    metrics.watch(app)
    document = orjson.dumps(described())

    def chosen(model: str | None, version: str | None) -> Loaded:
        """Return the version that answers, by default one of the only model."""
        found = shelf.get(shelf.only() if model is None else model, version)
        metrics.chosen(found.signature)
        return found

    @app.get("/openapi.json")
    def openapi() -> Response:
        return Response(document, content_type="application/json")

    @app.get("/")
    @app.get("/v2")
    def server() -> Response:
        return json_reply({"name": "streamsim", "version": __version__, "extensions": EXTENSIONS})

    @app.get("/v2/health/live")
    def live() -> Response:
        return json_reply({"live": True})

    @app.get("/v2/health/ready")
    def ready() -> Response:
        return json_reply({"ready": True})

    @app.get("/v2/models/<model>")
    @app.get("/v2/models/<model>/versions/<version>")
    def metadata(model: str, version: str | None = None) -> Response:
        return json_reply(_metadata(shelf, chosen(model, version)))

    @app.get("/v2/models/<model>/ready")
    @app.get("/v2/models/<model>/versions/<version>/ready")
    def model_ready(model: str, version: str | None = None) -> Response:
        signature = chosen(model, version).signature
        return json_reply({"name": model, "version": signature.version, "ready": True})

    @app.post("/v2/models/<model>/infer")
    @app.post("/v2/models/<model>/versions/<version>/infer")
    def infer(model: str, version: str | None = None) -> Response:
        loaded = chosen(model, version)
        signature = loaded.signature
        asked = read_infer(
            read(request),
            request.headers.get(HEADER_LENGTH),
            len(signature.features),
            max_rows,
            [name for name, _, _ in _outputs(loaded)],
        )
        answer = answer_to(loaded, asked.rows)
        body, length = write_response(
            signature.model, signature.version, asked, answer, signature.estimates
        )
        if length is None:
            return Response(body, content_type="application/json")
        return Response(body, content_type=BINARY_TYPE, headers={HEADER_LENGTH: str(length)})

    @app.get("/predict")
    def example() -> Response:
        signature = chosen(*_named(request.args)).signature
        usual = dict(zip(signature.features, signature.reference, strict=True))
        return json_reply({"model": signature.model, "features": usual})

    @app.post("/predict")
    def predict() -> Response:
        asked = load_object(read(request))
        unknown = asked.keys() - {"model", "version", "features", "rows"}
        if unknown or ("features" in asked) == ("rows" in asked):
            raise BadRequest("send {'features': {...}} or {'rows': [{...}, ...]}")
        rows = [asked["features"]] if "features" in asked else asked["rows"]
        if not isinstance(rows, list):
            raise BadRequest("'rows' must be a list of objects of named features")
        loaded = chosen(*_named(asked))
        signature, names = loaded.signature, loaded.signature.estimates
        answer = answer_to(loaded, named_rows(rows, signature.features, max_rows))
        scores, items = scores_of(answer), items_of(answer, len(names))
        body = {
            "model": signature.model,
            "version": signature.version,
            "scores": [round(float(s), 6) for s in scores],
            "alerts": [bool(round(float(s), 6) >= signature.threshold) for s in scores],
        }
        numbers = np.round(estimates_of(answer, len(names)), 6).T.tolist()
        body |= dict(zip(names, numbers, strict=True))
        return json_reply(body if items is None else {**body, "items": items.tolist()})

    @app.get("/ping")
    def ping() -> Response:
        return json_reply({})

    @app.post("/invocations")
    def invocations() -> Response:
        asked, loaded = load_object(read(request)), chosen(*_named(request.args))
        names = loaded.signature.features
        answer = answer_to(loaded, named_rows(invoked_rows(asked, names), names, max_rows))
        return json_reply({"predictions": np.round(scores_of(answer), 6).tolist()})

    def answer_to(loaded: Loaded, rows: Matrix) -> Answers:
        model, version = loaded.signature.model, loaded.signature.version
        most = None if version == shelf.default(model) else BESIDE
        with limits.call(model, version, most):
            answer = loaded.sound_answer(rows)
        metrics.scored(loaded.signature, len(rows))
        return answer

    @app.get("/recommend/<path:entity>")
    def recommend(entity: str) -> Response:
        wish, model = Wish.read(request.args), request.args.get("model")
        if model is None and len(on_request) == 1:
            (model,) = on_request
        loaded = chosen(model, None)
        name = loaded.signature.model
        if name not in on_request:
            raise BadRequest(f"{name} scores events, and puts nothing forward on request", 404)
        with limits.call(f"recommend: {name}"):  # such questions have limits of their own
            return json_reply(on_request[name].answer(entity, wish, loaded))

    @app.get("/schemas/<domain>.alerts.json")
    def schema(domain: str) -> Response:
        if domain not in domain_names():
            raise BadRequest(f"no domain {domain[:100]!r}", 404)
        return Response(
            orjson.dumps(alert_schema(load_domain(domain))), content_type="application/schema+json"
        )

    add_repository(app, shelf, token, read)
    for path in NOT_HERE:
        app.add_url_rule(path, path, not_here, methods=["GET", "POST"])
    app.register_error_handler(BadRequest, refuse)
    app.register_error_handler(VersionFails, version_fails)
    app.register_error_handler(HTTPException, refuse_http)
    return app


def _metadata(shelf: Shelf, loaded: Loaded) -> dict[str, Any]:
    signature = loaded.signature
    return {
        "name": signature.model,
        "versions": shelf.versions(signature.model),
        "platform": "scikit-learn",
        "inputs": [{"name": INPUT, "datatype": INPUT_TYPE, "shape": [-1, len(signature.features)]}],
        "outputs": [
            {"name": name, "datatype": kind, "shape": shape}
            for name, kind, shape in _outputs(loaded)
        ],
        "parameters": signature.as_dict(),
    }


def _outputs(loaded: Loaded) -> list[tuple[str, str, list[int]]]:
    """Return the outputs of a model: name, type and shape."""
    numbers = (OUTPUT, *loaded.signature.estimates)
    outputs = [(name, OUTPUT_TYPE, [-1]) for name in numbers]
    if isinstance(loaded.estimator, Recommender):
        outputs.append((ITEMS, ITEMS_TYPE, [-1, -1]))
    return outputs


def _named(asked: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the model and version that a request names."""
    model, version = asked.get("model"), asked.get("version")
    if not isinstance(version, str | None) or not isinstance(model, str | None):
        raise BadRequest("'model' and 'version' must be strings")
    return model, version
