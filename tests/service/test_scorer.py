"""The workers' client of the service: what is passing is tried again, what is wrong is said."""

from __future__ import annotations

import asyncio

import pytest

from consumers.predict import HttpScorer
from simulator.broker import free_port
from simulator.faults.proxy import Proxy
from streams.errors import ScorerUnavailable


@pytest.mark.parametrize("way", [None, "failing", "gone"])
def test_a_service_that_is_not_up_yet_is_unavailable(way: str | None) -> None:
    """Behind something that answers for it, as a proxy does."""

    async def ask(url: str) -> None:
        async with HttpScorer(url, "finance-fraud", timeout_s=10) as scorer:
            with pytest.raises(ScorerUnavailable):
                await scorer.signature()

    with Proxy(f"http://127.0.0.1:{free_port()}") as proxy:
        proxy.way = way
        asyncio.run(ask(proxy.url))
