"""Circuit breaker: after several failures in a row it blocks calls, and later admits a probe.

Michael Nygard, *Release It!* (2007), chapter 5; the states as on
https://martinfowler.com/bliki/CircuitBreaker.html.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

State = Literal["closed", "open", "half-open"]
STATES: tuple[State, ...] = ("open", "half-open", "closed")


class Breaker:
    """Decides whether a call may be made. The caller passes the time.

    A closed breaker admits all calls. After ``failures`` in a row it opens and admits none. After
    ``pause_ms`` it is half open and admits one call, the probe, which closes it or opens it again.

    A call carries the number that :meth:`admit` returned. The result of a call with the number of
    an earlier state is ignored: a call from before an outage does not show that the outage is over.

    Parameters
    ----------
    failures
        Failures in a row that open it.
    pause_ms
        How long it stays open before a probe.

    Examples
    --------
    >>> breaker = Breaker(failures=2, pause_ms=1_000)
    >>> for now in (0, 10):
    ...     breaker.failed(breaker.admit(now), now)
    >>> breaker.state, breaker.admit(1_009), breaker.left_ms(1_009)
    ('open', None, 1)
    >>> probe = breaker.admit(1_010)
    >>> breaker.state, breaker.admit(1_010)
    ('half-open', None)
    >>> breaker.succeeded(probe)
    >>> breaker.state, dict(breaker.changes)
    ('closed', {'open': 1, 'half-open': 1, 'closed': 1})
    """

    def __init__(self, failures: int, pause_ms: int) -> None:
        self._most, self._pause_ms = failures, pause_ms
        self._row = self._number = self._until_ms = 0
        self.state: State = "closed"
        self.changes: Counter[State] = Counter()

    def admit(self, now_ms: int) -> int | None:
        """Return the number of a call that may be made now, ``None`` if none may."""
        if self.state == "open" and now_ms >= self._until_ms:
            self._become("half-open")
            return self._number
        return self._number if self.state == "closed" else None

    def left_ms(self, now_ms: int) -> int:
        """Return the time until a probe is admitted (ms); 0 if the breaker is not open."""
        return max(0, self._until_ms - now_ms) if self.state == "open" else 0

    def succeeded(self, number: int) -> None:
        """Report that the call of that number succeeded."""
        if number != self._number:
            return
        self._row = 0
        if self.state == "half-open":
            self._become("closed")

    def failed(self, number: int, now_ms: int) -> None:
        """Report that the call of that number failed."""
        if number != self._number:
            return
        self._row += 1
        if self.state == "half-open" or self._row >= self._most:
            self._until_ms = now_ms + self._pause_ms
            self._become("open")

    def _become(self, state: State) -> None:
        self.state = state
        self._row = 0
        self._number += 1
        self.changes[state] += 1
