"""Metrics of the model service, in Prometheus' text format.

Labels name only what the service itself knows: its routes, and versions that it has loaded. What a
client makes up, and what it asks about, is in none of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamsim.models.loaded import Shelf
from streamsim.streams.signature import Signature

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

REASONS = {
    400: "bad request",
    401: "no token",
    403: "forbidden",
    404: "not found",
    405: "method",
    409: "conflict",
    411: "no length",
    413: "too large",
    415: "media type",
    501: "not offered",
    503: "unavailable",
}
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
MOST_VERSIONS = 64
"""Most versions with figures between two scrapes; a run makes new ones without end."""
_OF_VERSION = ("model", "version")
_ANSWERING = "streamsim.answering"
_Key = tuple[str, str, str, str, str]


class ServiceMetrics(Collector):
    """Counts and times of a service's requests."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._own = CollectorRegistry()
        self._requests = Counter(
            "streamsim_requests",
            "Requests answered; model and version are empty if none was found.",
            (*_OF_VERSION, "route", "status"),
            registry=self._own,
        )
        self._seconds = Histogram(
            "streamsim_request_seconds",
            "Time from a request's headers to its answer, of requests to a version.",
            (*_OF_VERSION, "route"),
            registry=self._own,
            buckets=BUCKETS_S,
        )
        self._rows = Counter(
            "streamsim_rows_scored", "Rows scored.", _OF_VERSION, registry=self._own
        )
        self._refused = Counter(
            "streamsim_refused", "Requests refused.", ("model", "reason"), registry=self._own
        )
        self._in_flight = Gauge(
            "streamsim_requests_in_flight", "Requests being answered.", registry=self._own
        )
        self._lock = threading.Lock()
        self._series: dict[_Key, tuple[Counter, Histogram | None]] = {}
        """Those of this kind of request; to look them up by their labels takes longer."""

    def watch(self, app: Flask) -> None:
        """Count all requests of an application, and answer ``GET /metrics``."""
        answer = app.wsgi_app

        def watched(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            began, status, rule = time.perf_counter(), "500", ""
            self._in_flight.inc()

            def started(line: str, headers: Any, error: Any = None) -> Any:
                nonlocal status, rule
                asked: Request | None = environ.get("werkzeug.request")  # here, and not later
                found = None if asked is None else asked.url_rule
                status, rule = line[:3], "" if found is None else found.rule
                return start(line, headers, error)

            try:
                return answer(environ, started)
            finally:
                self._in_flight.dec()
                self._count(environ, rule, status, time.perf_counter() - began)

        app.wsgi_app = watched  # type: ignore[method-assign, assignment]  # as Flask says

        @app.get("/metrics")
        def metrics() -> Response:
            text = generate_latest(self)
            self._forget()
            return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)

    def chosen(self, signature: Signature) -> None:
        """Note which version answers the current request."""
        request.environ[_ANSWERING] = signature

    def scored(self, signature: Signature, rows: int) -> None:
        """Count the rows that a version has scored."""
        self._rows.labels(signature.model, signature.version).inc(rows)

    def collect(self) -> Iterable[Metric]:
        """Return all figures, without the times at which the series began."""
        for metric in self._own.collect():
            metric.samples = [own for own in metric.samples if not own.name.endswith("_created")]
            yield metric
        yield from self._versions()

    def _versions(self) -> Iterator[Metric]:
        loaded = GaugeMetricFamily(
            "streamsim_versions_loaded", "Versions in memory.", labels=["model"]
        )
        default = GaugeMetricFamily(
            "streamsim_default_version", "1 for the version that answers.", labels=_OF_VERSION
        )
        for model in self._shelf.models():
            loaded.add_metric([model], len(self._shelf.versions(model)))
            if (version := self._shelf.default(model)) is not None:
                default.add_metric([model, version], 1)
        yield from (loaded, default)

    def _count(self, environ: WSGIEnvironment, rule: str, status: str, took_s: float) -> None:
        signature: Signature | None = environ.get(_ANSWERING)
        model, version = ("", "") if signature is None else (signature.model, signature.version)
        # Only a known route's method is one of few: others are of the client's making.
        key = (model, version, environ["REQUEST_METHOD"] if rule else "", rule, status)
        requests, seconds = self._series.get(key) or self._begin(key)
        requests.inc()
        if seconds is not None:
            seconds.observe(took_s)
        if status >= "400":
            self._refused.labels(model, REASONS.get(int(status), "other")).inc()

    def _begin(self, key: _Key) -> tuple[Counter, Histogram | None]:
        """Begin the series of a kind of request."""
        model, version, method, rule, status = key
        if len({own[:2] for own in list(self._series)}) > MOST_VERSIONS:
            self._forget()
        with self._lock:
            route = f"{method} {rule}".strip() or "unknown"
            requests = self._requests.labels(model, version, route, status)
            seconds = self._seconds.labels(model, version, route) if model else None
            return self._series.setdefault(key, (requests, seconds))

    def _forget(self) -> None:
        """Drop the figures of versions that are no longer loaded: they have been told."""
        with self._lock:
            for model, version in {key[:2] for key in self._series if key[0]}:
                if version in self._shelf.versions(model):
                    continue
                self._series = {
                    k: own for k, own in self._series.items() if k[:2] != (model, version)
                }
                for metric in (self._requests, self._seconds, self._rows):
                    metric.remove_by_labels({"model": model, "version": version})
