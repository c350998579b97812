"""HTTP scorer against the service: transient errors are retryable, others are reported."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from werkzeug.serving import make_server

from streamsim.benchmarks.fault_injection.proxy import Proxy
from streamsim.consumers.worker.http_scorer import HttpScorer
from streamsim.models.loaded import Shelf
from streamsim.models.registry import Registry
from streamsim.models.service import create_service
from streamsim.simulator.brokers.broker import free_port
from streamsim.streams.errors import ScorerUnavailable, VersionFails
from streamsim.streams.signature import Signature


@pytest.mark.parametrize("way", [None, "failing", "gone"])
def test_a_service_that_is_not_up_yet_is_unavailable(way: str | None) -> None:
    """Put a proxy in front of the service, which answers in its place."""

    async def ask(url: str) -> None:
        async with HttpScorer(url, "finance-fraud", timeout_s=10) as scorer:
            with pytest.raises(ScorerUnavailable):
                await scorer.signature()

    with Proxy(f"http://127.0.0.1:{free_port()}") as proxy:
        proxy.way = way
        asyncio.run(ask(proxy.url))


def test_what_a_champion_was_renewed_to_is_not_taken_for_the_champion(tmp_path: Path) -> None:
    """The service answers with it where no version is named; a worker that begins then asks on."""
    from sklearn.linear_model import LogisticRegression

    estimator = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    signature = Signature("m", "0", ("a",), "hash", 0.5, (0.0,))
    released, made = Registry(tmp_path / "registry"), Registry(tmp_path / "models")
    released.add(estimator, signature, metrics={}, data={}, card="", created="")
    released.promote("m", "1")
    later = LogisticRegression().fit([[0.0], [1.0]], [1, 0])
    renewed = replace(signature, version="1-20250109T0000")
    made.put(later, renewed, data={}, created="")
    shelf = Shelf(released, made)
    shelf.load("m")
    shelf.load("m", renewed.version)
    rows = np.array([[0.0], [1.0]], np.float32)

    async def ask(url: str) -> None:
        async with HttpScorer(url, "m") as scorer:
            assert (await scorer.signature()).version == "1"
            first = await scorer.score(rows)
            assert first.tolist() == (await scorer.score(rows, "1")).tolist()
            assert (await scorer.score(rows, renewed.version)).tolist() != first.tolist()
            with pytest.raises(ScorerUnavailable):  # it may come: the same call is made again
                await scorer.score(rows, "1-20250116T0000")

    server = make_server("127.0.0.1", 0, create_service(shelf, max_rows=10, max_body=10_000))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        asyncio.run(ask(f"http://127.0.0.1:{server.port}"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_version_that_fails_is_told_from_a_service_that_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One raises an error at values that it does not know; another's are not finite."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    signature, rows = Signature("m", "0", ("a",), "hash", 0.5, (0.0,)), [[0.0], [1.0]]
    strict = make_pipeline(OneHotEncoder(handle_unknown="error"), LogisticRegression())
    endless = LogisticRegression().fit(rows, [0, 1])
    endless.intercept_[:] = np.nan
    registry = Registry(tmp_path / "registry")
    for estimator in (LogisticRegression().fit(rows, [0, 1]), strict.fit(rows, [0, 1]), endless):
        registry.add(estimator, signature, metrics={}, data={}, card="", created="")
    shelf = Shelf(registry)
    for version in ("1", "2", "3"):
        shelf.load("m", version, warmed=False)

    async def ask(url: str) -> None:
        async with HttpScorer(url, "m") as scorer:
            good, other = np.array([[1.0]], np.float32), np.array([[0.0], [2.0]], np.float32)
            assert len(await scorer.score(other, "1")) == 2
            assert len(await scorer.score(good, "2")) == 1
            with pytest.raises(
                VersionFails, match=r"^ValueError: Found unknown categories \[\.\.\.\]"
            ):
                await scorer.score(other, "2")
            with pytest.raises(VersionFails, match=r"^2 answers to 2 rows, or not all finite$"):
                await scorer.score(other, "3")
            with pytest.raises(VersionFails, match="is not loaded"):
                await scorer.score(good, "4")
            server.shutdown()
            server.server_close()
            with pytest.raises(ScorerUnavailable) as down:
                await scorer.score(good, "1")
            assert not isinstance(down.value, VersionFails)

    server = make_server("127.0.0.1", 0, create_service(shelf, max_rows=10, max_body=10_000))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        asyncio.run(ask(f"http://127.0.0.1:{server.port}"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "Found unknown categories [...]" in caplog.text  # and the rows' values nowhere
    assert "2.0" not in caplog.text
