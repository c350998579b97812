"""A loyalty programme over HTTP, asked beside the sending, and told what a world does."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

import orjson

from streamsim.producers.lookups import Lookups
from streamsim.streams.errors import SourceError
from streamsim.streams.third_party import Said

_POST_BYTES = 4 << 20
_TIMEOUT_S = 10.0


class HttpProgramme:
    """A :class:`streamsim.streams.third_party.ThirdParty` that is asked over HTTP.

    Parameters
    ----------
    token
        What changes a stand-in; without one nothing is told.
    wait_s
        How long :meth:`answers` waits for what is open. While the programme is known to be out of
        order, nobody waits.
    """

    def __init__(self, url: str, key: str, token: str, wait_s: float) -> None:
        self._url, self._token, self._wait_s = url.rstrip("/"), token, wait_s
        self._lookups = Lookups(url, key, ttl_ms=1)  # how long an answer serves is decided before
        self.unusable = 0
        """Answers that could not be used; their households are asked about again in time."""

    def learn(self, facts: Sequence[Any]) -> None:
        """See :class:`streamsim.streams.third_party.ThirdParty`."""
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
        """See :class:`streamsim.streams.third_party.ThirdParty`."""
        self._lookups.ask(entity, at_ms)

    def answers(self) -> Sequence[Said]:
        """See :class:`streamsim.streams.third_party.ThirdParty`."""
        if self._lookups.is_answered():
            self._lookups.wait(self._wait_s)
        came = self._lookups.answers()
        self.unusable += sum(bool(answer.problem) for answer in came)
        return [Said(a.household_id, a.asked_at, a.member) for a in came if not a.problem]

    def close(self) -> None:
        """Stop asking."""
        self._lookups.close()

    def _post(self, facts: Sequence[bytes]) -> None:
        request = urllib.request.Request(  # noqa: S310 - an address of the user's own
            f"{self._url}/admin/members",
            b"[" + b",".join(facts) + b"]",
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
                pass
        except (urllib.error.URLError, OSError) as error:
            raise SourceError(f"{self._url} cannot be told what happens: {error}") from None
