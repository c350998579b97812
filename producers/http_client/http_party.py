"""HTTP party: asks a third party over HTTP, and posts a world's facts to its stand-in."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

import orjson

from streamsim.producers.http_client.background import BackgroundClient
from streamsim.streams.asking import PartyAnswer
from streamsim.streams.errors import SourceError
from streamsim.streams.spec.third_parties import ThirdPartySpec

_POST_BYTES = 4 << 20
_TIMEOUT_S = 10.0


class HttpParty:
    """A :class:`streamsim.streams.asking.Client` that asks over HTTP.

    Parameters
    ----------
    token
        Token for the stand-in's admin address; without one no facts are posted.
    wait_s
        How long :meth:`answers` waits for open questions. It does not wait while the circuit
        breaker is not closed.
    """

    def __init__(
        self, party: ThirdPartySpec, url: str, key: str, token: str, wait_s: float
    ) -> None:
        self._url, self._token, self._wait_s = url.rstrip("/"), token, wait_s
        self._facts_url = f"{self._url}/admin/{party.standin.entries}"
        # No caching here: the caller decides how long an answer is valid.
        self._client = BackgroundClient(party, url, key, ttl_ms=1)
        self.unusable = 0
        """Answers that could not be used; their entities are asked about again later."""

    def learn(self, facts: Sequence[Any]) -> None:
        """See :class:`streamsim.streams.asking.Client`."""
        if not self._token:
            return
        part: list[bytes] = []
        size = 0
        for fact in map(orjson.dumps, facts):
            if size + len(fact) > _POST_BYTES:
                self._post(part)
                part, size = [], 0
            part.append(fact)
            size += len(fact) + 1
        self._post(part)

    def ask(self, entity: str, at_ms: int) -> None:
        """See :class:`streamsim.streams.asking.Client`."""
        self._client.ask(entity, at_ms)

    def answers(self) -> Sequence[PartyAnswer]:
        """See :class:`streamsim.streams.asking.Client`."""
        if self._client.is_answered():
            self._client.wait(self._wait_s)
        came = self._client.answers()
        self.unusable += sum(bool(answer.problem) for answer in came)
        return [PartyAnswer(a.entity, a.asked_at, a.said) for a in came if not a.problem]

    def close(self) -> None:
        """Stop asking."""
        self._client.close()

    def _post(self, facts: Sequence[bytes]) -> None:
        request = urllib.request.Request(  # noqa: S310 - an address of the user's own
            self._facts_url,
            b"[" + b",".join(facts) + b"]",
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
                pass
        except (urllib.error.URLError, OSError) as error:
            raise SourceError(f"{self._url}: the stand-in refused the facts: {error}") from None
