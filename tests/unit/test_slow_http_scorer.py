"""A model that cannot score a whole batch within the time-out is asked for less at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from aiohttp import web

from streamsim.consumers.worker.http_scorer import HttpScorer
from streamsim.streams.errors import ScorerUnavailable
from streamsim.streams.inference import HEADER_LENGTH, read_infer, write_response

ROW_S = 0.002
TIMEOUT_S = 1.0
"""In which half of a batch of 1,000 rows would be scored."""


@asynccontextmanager
async def slow_service(asked: list[int]) -> AsyncIterator[str]:
    """Run a service that takes its time for each row; note the rows of each call."""

    async def infer(request: web.Request) -> web.Response:
        body, length = await request.read(), request.headers.get(HEADER_LENGTH)
        found = read_infer(body, length, 2, 10_000)
        asked.append(len(found.rows))
        await asyncio.sleep(ROW_S * len(found.rows))
        scores = found.rows[:, 0].astype(np.float64)
        answer, head = write_response("m", "1", found, scores)
        return web.Response(body=answer, headers={HEADER_LENGTH: str(head)})

    app = web.Application()
    app.router.add_post("/v2/models/m/infer", infer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def test_a_batch_that_takes_too_long_is_scored_in_pieces() -> None:
    asked: list[int] = []
    rows = np.arange(2_000, dtype=np.float32).reshape(-1, 2)

    async def run() -> tuple[list[float], int]:
        async with (
            slow_service(asked) as url,
            HttpScorer(url, "m", timeout_s=TIMEOUT_S) as scorer,
        ):
            for unavailable in range(10):
                try:
                    return (await scorer.score(rows)).tolist(), unavailable
                except ScorerUnavailable:
                    continue
        raise AssertionError(f"never scored: {asked}")

    scores, unavailable = asyncio.run(run())
    assert scores == list(range(0, 2_000, 2))
    assert asked[0] == 1_000
    assert unavailable >= 1
    assert max(asked[unavailable:]) * ROW_S < TIMEOUT_S
