"""An event loop in a thread of its own, for synchronous code that uses aiokafka."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# Errors are raised. Without a handler Python would print the client's warnings as well.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())


class LoopThread:
    """Runs coroutines for its caller; close it after use."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="kafka")
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        """Run a coroutine and wait for its result, at most ``seconds``.

        Raises
        ------
        TimeoutError
            If it takes longer; it is cancelled then.
        """
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(seconds)
        except BaseException:
            running.cancel()
            raise

    def close(self) -> None:
        """Cancel the tasks that still run, and end the thread."""
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
