"""Call limits of the service: bounded calls per model, so that models do not block each other."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from streamsim.streams.errors import BadRequest

INSIDE = 16
"""Most calls of one model in the service, running or waiting; each holds a thread."""
BESIDE = INSIDE // 2
"""Most calls of a version that is not the default one: if it hangs, it leaves room for others."""
WAIT_S = 10.0
"""How long a call waits for those before it: then its client has given up, or asks again."""


class CallLimits:
    """Limits the running and waiting calls of each model, and refuses further ones.

    Otherwise an overloaded model would hold all threads of the service, partly for calls whose
    clients have timed out. So many calls run at a time of each version: one that never returns
    keeps those of another version waiting no longer.

    Parameters
    ----------
    inside, working
        Most calls of one model in the service, and most of one version that run at a time; by
        default as many run as the machine has cores, and at least two.
    wait_s
        How long a call waits at most; by default as long as it takes.
    """

    def __init__(
        self, inside: int = INSIDE, working: int | None = None, wait_s: float | None = None
    ) -> None:
        self._at_a_time = working or max(2, os.cpu_count() or 2)
        self._inside, self._wait_s = inside, wait_s
        self._lock = threading.Lock()
        self._here: defaultdict[str, int] = defaultdict(int)
        self._of: dict[tuple[str, str], _Version] = {}

    @contextmanager
    def call(self, model: str, version: str = "", most: int | None = None) -> Iterator[None]:
        """Run a call in the context, once the limits allow it.

        Parameters
        ----------
        most
            Most calls of this version in the service, by default as many as of the model.

        Raises
        ------
        BadRequest
            With status 503, if there are that many calls already, or it has waited too long.
        """
        place = model, version
        with self._lock:
            own = self._of.get(place) or _Version(threading.Semaphore(self._at_a_time))
            if self._here[model] >= self._inside or (most is not None and own.here >= most):
                raise _full(model)
            self._of[place] = own
            self._here[model] += 1
            own.here += 1
        try:
            if not own.working.acquire(timeout=self._wait_s):
                raise _full(model)
            try:
                yield
            finally:
                own.working.release()
        finally:
            with self._lock:
                self._here[model] -= 1
                own.here -= 1
                if not own.here:
                    del self._of[place]


@dataclass(slots=True)
class _Version:
    """The calls of a version: those that may run, and how many are in the service."""

    working: threading.Semaphore
    here: int = 0


def _full(model: str) -> BadRequest:
    return BadRequest(f"{model} has reached its limit of calls, try again", 503)
