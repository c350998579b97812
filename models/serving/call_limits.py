"""Call limits of the service: bounded calls per model, so that models do not block each other."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from streamsim.streams.errors import BadRequest

INSIDE = 16
"""Most calls of one model in the service, running or waiting; each holds a thread."""


class CallLimits:
    """Limits the running and waiting calls of each model, and refuses further ones.

    Otherwise an overloaded model would hold all threads of the service, partly for calls whose
    clients have timed out.

    Parameters
    ----------
    inside, working
        Most calls of one model in the service, and most that run at a time; by default as many run
        as the machine has cores, and at least two.
    """

    def __init__(self, inside: int = INSIDE, working: int | None = None) -> None:
        at_a_time = working or max(2, os.cpu_count() or 2)
        self._inside = inside
        self._lock = threading.Lock()
        self._here: defaultdict[str, int] = defaultdict(int)
        self._working: defaultdict[str, threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(at_a_time)
        )

    @contextmanager
    def call(self, model: str) -> Iterator[None]:
        """Run a call in the context, once the model's limit allows it.

        Raises
        ------
        BadRequest
            With status 503, if the model already has ``inside`` calls.
        """
        with self._lock:
            if self._here[model] >= self._inside:
                raise BadRequest(f"{model} has reached its limit of calls, try again", 503)
            self._here[model] += 1
            working = self._working[model]
        try:
            with working:
                yield
        finally:
            with self._lock:
                self._here[model] -= 1
