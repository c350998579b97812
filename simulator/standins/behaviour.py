"""Behaviour of a stand-in: latency, outages, errors and rate limits."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from streamsim.streams.errors import AnswerError

_BOUNDS = {
    "latency_ms": (0, 60_000),
    "latency_jitter_ms": (0, 60_000),
    "error_rate": (0, 1),
    "rate_per_s": (0.001, 1_000_000),
    "burst": (1, 1_000_000),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The properties of a stand-in that can be changed while it runs.

    Attributes
    ----------
    latency_ms, latency_jitter_ms
        Every answer takes ``latency_ms`` plus a uniform random time up to ``latency_jitter_ms``.
    outage
        Whether every answer is 503, without delay.
    error_rate
        Share of the requests that are answered 500.
    rate_per_s, burst
        Rate limit per API key: requests per second, and the size of a burst after a pause.

    Examples
    --------
    >>> Behaviour().changed({"outage": True}).outage
    True
    >>> Behaviour().changed({"error_rate": 2})
    Traceback (most recent call last):
    ...
    streamsim.streams.errors.AnswerError: error_rate must be a number between 0 and 1, not 2
    """

    latency_ms: float = 0
    latency_jitter_ms: float = 0
    outage: bool = False
    error_rate: float = 0
    rate_per_s: float = 2_000
    burst: float = 2_000

    def changed(self, given: object) -> Behaviour:
        """Return a copy with some fields changed.

        Raises
        ------
        AnswerError
            If a field is unknown or a value is out of range.
        """
        names = [row.name for row in fields(self)]
        if not isinstance(given, dict) or not given.keys() <= set(names):
            raise AnswerError(f"send an object with some of: {', '.join(names)}")
        for name, value in given.items():
            if name == "outage":
                if not isinstance(value, bool):
                    raise AnswerError("outage must be true or false")
                continue
            low, high = _BOUNDS[name]
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not low <= value <= high:
                raise AnswerError(
                    f"{name} must be a number between {low:g} and {high:g}, not {value!r:.40}"
                )
        return replace(self, **given)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return asdict(self)


class Bucket:
    """A token bucket, full at first and refilled by ``rate_per_s`` tokens a second.

    >>> bucket = Bucket(now_s=0.0, burst=2)
    >>> [bucket.take(now, rate_per_s=0.5, burst=2) for now in (0.0, 0.0, 0.5, 2.0)]
    [0.0, 0.0, 1.5, 0.0]
    """

    def __init__(self, now_s: float, burst: float) -> None:
        self._tokens, self._at_s = burst, now_s

    def take(self, now_s: float, rate_per_s: float, burst: float) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        self._tokens = min(burst, self._tokens + max(0.0, now_s - self._at_s) * rate_per_s)
        self._at_s = now_s
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / rate_per_s


class Temper:
    """A behaviour that many threads use and that can be changed meanwhile.

    Parameters
    ----------
    now_s
        A monotonic clock (s), by which the buckets are refilled.
    draw
        Random numbers for jitter and errors.
    most_waiting
        Maximum number of slow answers at a time. More are refused, so that a thread is always free
        to switch the slowness off.
    """

    def __init__(self, now_s: Callable[[], float], draw: random.Random, most_waiting: int) -> None:
        self._now_s, self._draw = now_s, draw
        self._behaviour = Behaviour()
        self._buckets: dict[str, Bucket] = {}
        self._free = threading.Semaphore(most_waiting)
        self._lock = threading.Lock()
        self._changed = threading.Event()

    @property
    def behaviour(self) -> Behaviour:
        """The current behaviour."""
        return self._behaviour

    def change(self, given: object) -> Behaviour:
        """Change the behaviour; slow answers that are waiting are sent now.

        Raises
        ------
        AnswerError
            If a field is unknown or a value is out of range.
        """
        with self._lock:
            self._behaviour = self._behaviour.changed(given)
            before, self._changed = self._changed, threading.Event()
        before.set()
        return self._behaviour

    def limited_s(self, key: str) -> int:
        """Count a request of an API key; return 0, or the whole seconds until it may ask again."""
        with self._lock:
            now, like = self._now_s(), self._behaviour
            bucket = self._buckets.setdefault(key, Bucket(now, like.burst))
            return math.ceil(bucket.take(now, like.rate_per_s, like.burst))

    def wait(self) -> bool:
        """Wait for the latency; return False if too many answers are waiting already."""
        with self._lock:
            like, changed = self._behaviour, self._changed
        slow_ms = like.latency_ms + self._draw.random() * like.latency_jitter_ms
        if slow_ms <= 0:
            return True
        if not self._free.acquire(blocking=False):
            return False
        try:
            changed.wait(slow_ms / 1000)
        finally:
            self._free.release()
        return True

    def fails(self) -> bool:
        """Draw whether this answer is an error."""
        return self._draw.random() < self._behaviour.error_rate
