"""HTTP scorer: client of the model service, by the Open Inference Protocol v2."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType

import aiohttp
import numpy as np
import orjson

from streamsim.streams.answers import Answers
from streamsim.streams.errors import BadRequest, ModelError, ScorerUnavailable, VersionFails
from streamsim.streams.events import Matrix
from streamsim.streams.inference import BINARY_TYPE, HEADER_LENGTH, read_response, write_infer
from streamsim.streams.signature import Signature
from streamsim.streams.spec.renewals import champion_of

MOST_SAID = 200
"""Most characters that are kept of what the service says of an error."""


class HttpScorer:
    """Scores through a service that speaks the Open Inference Protocol v2.

    Use it as an asynchronous context manager. A batch with more rows than ``max_rows`` is sent in
    several calls. If a version is slow, its calls get smaller before they reach the time-out, since
    the same call would time out on every retry. A call without a version is for the champion that
    :meth:`signature` has returned.
    """

    def __init__(
        self, url: str, model: str, *, timeout_s: float = 10.0, max_rows: int = 16_384
    ) -> None:
        self._base = url.rstrip("/")
        self._url = self._model = f"{self._base}/v2/models/{model}"
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._slow_s = timeout_s / 4
        self._max_rows = max_rows
        self._rows: dict[str, int] = {}
        self._session: aiohttp.ClientSession | None = None
        self._estimates: tuple[str, ...] = ()

    async def __aenter__(self) -> HttpScorer:
        self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def score(self, rows: Matrix, version: str | None = None) -> Answers:
        """See :class:`streamsim.consumers.predict.scores.Scorer`."""
        url = self._url if version is None else self._at(version)
        found: list[Answers] = []
        done = 0
        while done < len(rows):
            part = rows[done : done + self._rows.get(url, self._max_rows)]
            found.append(await self._timed(url, part))
            done += len(part)
        return np.concatenate(found or [np.empty(0)])

    async def _timed(self, url: str, rows: Matrix) -> Answers:
        """Score some rows, and adapt the size of calls to the time taken."""
        began, most = time.monotonic(), self._rows.get(url, self._max_rows)
        try:
            found = await self._call(url, rows)
        except (ScorerUnavailable, asyncio.CancelledError) as error:
            # A caller that has an answer by another version waits no longer.
            given_up = isinstance(error, asyncio.CancelledError)
            is_late = given_up and time.monotonic() - began > self._slow_s
            if is_late or isinstance(error.__cause__, TimeoutError):
                self._rows[url] = max(1, min(most, len(rows)) // 4)
            raise
        took = time.monotonic() - began
        if took > self._slow_s:
            self._rows[url] = max(1, int(len(rows) * self._slow_s / took))
        elif took < self._slow_s / 2 and most <= len(rows) < self._max_rows:
            self._rows[url] = min(self._max_rows, 2 * most)
        return found

    async def signature(self, version: str | None = None) -> Signature:
        """Return the signature of a version, by default of the champion.

        The service's default version may be a renewed one: the champion is then requested by name.

        Raises
        ------
        ModelError
            If the service has no such model.
        ScorerUnavailable
            If it does not answer, or its answer holds no signature.
        """
        url = self._model if version is None else self._at(version)
        signature = await self._metadata(url)
        champion = version or champion_of(signature.version)
        if champion != signature.version:
            signature = await self._metadata(self._at(champion))
        self._url = self._at(champion)
        self._estimates = signature.estimates
        return signature

    async def await_signature(self, seconds: float, version: str | None = None) -> Signature:
        """Ask for the signature until the service answers: it starts at the same time as workers.

        Raises
        ------
        ScorerUnavailable
            If it does not answer within ``seconds``.
        ModelError
            See :meth:`signature`.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                return await self.signature(version)
            except ScorerUnavailable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)

    def _at(self, version: str) -> str:
        return f"{self._model}/versions/{version}"

    async def _metadata(self, url: str) -> Signature:
        assert self._session is not None
        try:
            async with self._session.get(url) as response:
                if response.status >= 500:
                    raise ScorerUnavailable(f"{url}: {response.status}")
                if response.status != 200:
                    raise ModelError(f"{url}: {response.status} {await response.text()}")
                return Signature.from_dict((await response.json())["parameters"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            raise ScorerUnavailable(f"{url}: {error!r}") from error

    async def _call(self, url: str, rows: Matrix) -> Answers:
        assert self._session is not None
        body, length = write_infer(rows)
        headers = {HEADER_LENGTH: str(length), "Content-Type": BINARY_TYPE}
        try:
            async with self._session.post(f"{url}/infer", data=body, headers=headers) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ScorerUnavailable(f"{self._base}: {error!r}") from error
        if response.status in (400, 413):
            raise BadRequest(answer.decode(errors="replace")[:500], response.status)
        if response.status in (404, 500):
            raise VersionFails(_said(answer, response.status))
        if response.status != 200:
            raise ScorerUnavailable(f"{self._base} answered {response.status}: {answer[:200]!r}")
        header_length = response.headers.get(HEADER_LENGTH)
        return read_response(answer, header_length, len(rows), self._estimates)


def _said(answer: bytes, status: int) -> str:
    """Return what the service says of an error."""
    try:
        return str(orjson.loads(answer)["error"])[:MOST_SAID]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"status {status}: {answer[:200]!r}"
