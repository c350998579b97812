"""Fair shares of the service: no model's calls keep those of the others waiting."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from streamsim.streams.errors import BadRequest

INSIDE = 16
"""Calls of one model that may be in the service, worked or waiting; each holds a thread."""


class CallLimits:
    """Lets some calls of each model work at a time, some more wait, and refuses the rest.

    A model that is slower than it is asked would otherwise have all threads of the service, with
    calls whose callers have long given up among them.

    Parameters
    ----------
    inside, working
        Calls of one model that may be here, and that may be worked at a time; by default as many
        as the machine has cores, and two at least.
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
        """Wait for the turn of a call, and have it.

        Raises
        ------
        BadRequest
            With status 503, if as many calls of the model are here as may be.
        """
        with self._lock:
            if self._here[model] >= self._inside:
                raise BadRequest(f"{model} has all the calls that it can have, try again", 503)
            self._here[model] += 1
            working = self._working[model]
        try:
            with working:
                yield
        finally:
            with self._lock:
                self._here[model] -= 1
