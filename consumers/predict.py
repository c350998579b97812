"""Predict: score micro-batches through the model service, and write the scores down."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol

import aiohttp
import numpy as np
import numpy.typing as npt

from consumers.waiting import Prepared
from streams.codec import dump_each, format_times
from streams.errors import BadRequest, ModelError, ScorerUnavailable
from streams.events import (
    CORRECTS,
    FEATURE_HASH,
    FEATURES,
    MODEL,
    MODEL_VERSION,
    SOURCE_OFFSET,
    Floats,
    Ints,
    OutboundBatch,
    source_headers,
    stretches,
)
from streams.inference import BINARY_TYPE, HEADER_LENGTH, read_response, write_infer
from streams.renewal import champion_of
from streams.signature import Signature
from streams.slates import Answers, estimates_of
from streams.spec import DomainSpec
from streams.topics import CORRECTIONS, SCORES, topic

Matrix = npt.NDArray[np.float32]
DECIMALS = 6
"""Scores are rounded to this before anybody looks at them: the last bits of a float may depend
on which other rows were in the batch."""


class Scorer(Protocol):
    """Whatever turns rows of features into scores."""

    async def score(self, rows: Matrix, version: str | None = None) -> Answers:
        """Return one answer per row, by that version: see :mod:`streams.slates`.

        Raises
        ------
        ScorerUnavailable
            If it cannot answer now; the same call may succeed later.
        BadRequest
            If it refuses these rows; repeating the call is no use.
        """
        ...


class HttpScorer:
    """Scores through a service that speaks the Open Inference Protocol v2.

    Use it as an asynchronous context manager. A batch with more rows than ``max_rows`` goes out
    in several calls; in more of them if the model is so slow that they would come near the
    time-out, for the same call would time out again for ever. Where a call is for no version, it
    is for the one that :meth:`signature` has told of.
    """

    def __init__(
        self, url: str, model: str, *, timeout_s: float = 10.0, max_rows: int = 16_384
    ) -> None:
        self._base = url.rstrip("/")
        self._url = self._model = f"{self._base}/v2/models/{model}"
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._slow_s = timeout_s / 4
        self._max_rows = self._rows = max_rows
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
        """See :class:`Scorer`."""
        url = self._url if version is None else self._at(version)
        found: list[Answers] = []
        done = 0
        while done < len(rows):
            part = rows[done : done + self._rows]
            found.append(await self._timed(url, part))
            done += len(part)
        return np.concatenate(found or [np.empty(0)])

    async def _timed(self, url: str, rows: Matrix) -> Answers:
        """Score some rows, and learn from the time it takes how many a call may have."""
        began = time.monotonic()
        try:
            found = await self._call(url, rows)
        except ScorerUnavailable as error:
            if isinstance(error.__cause__, TimeoutError):
                self._rows = max(1, min(self._rows, len(rows)) // 4)
            raise
        took = time.monotonic() - began
        if took > self._slow_s:
            self._rows = max(1, int(len(rows) * self._slow_s / took))
        elif took < self._slow_s / 2 and len(rows) >= self._rows:
            self._rows = min(self._max_rows, 2 * self._rows)
        return found

    async def signature(self) -> Signature:
        """Ask the service which version is champion, and what it takes.

        By default it may answer with one that has been renewed since.

        Raises
        ------
        ModelError
            If the service has no such model, or it does not say.
        """
        signature = await self._metadata(self._model)
        champion = champion_of(signature.version)
        if champion != signature.version:
            signature = await self._metadata(self._at(champion))
        self._url = self._at(champion)
        self._estimates = signature.estimates
        return signature

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
        if response.status != 200:
            raise ScorerUnavailable(f"{self._base} answered {response.status}: {answer[:200]!r}")
        told = response.headers.get(HEADER_LENGTH)
        return read_response(answer, told, len(rows), self._estimates)


def rounded(scores: Floats) -> Floats:
    """Round scores to what is compared, sent and stored.

    >>> rounded(np.array([0.12345649, 1e-9])).tolist()
    [0.123456, 0.0]
    """
    return np.round(scores, DECIMALS)


def estimated(spec: DomainSpec, answer: Answers) -> dict[str, Floats]:
    """Return what is estimated beside scores, by name, rounded as they are."""
    numbers = rounded(estimates_of(answer, len(spec.estimates))).T
    return dict(zip((estimate.name for estimate in spec.estimates), numbers, strict=True))


def score_batches(
    spec: DomainSpec,
    prepared: Prepared,
    scores: Floats,
    signature: Signature,
    items: Ints | None = None,
    estimates: Mapping[str, Floats] | None = None,
) -> list[OutboundBatch]:
    """Write one record per score, with its lineage: model, version, features and source.

    What is estimated and put forward stands beside the score, so that the topic holds it for
    whoever shows it.

    Returns
    -------
    A batch or more per partition, in the order of the events.
    """
    events, features = prepared.events, prepared.features
    name_out, name_in = topic(spec.name, SCORES), topic(spec.name, spec.trigger.name)
    if prepared.recalled:
        name_out = topic(spec.name, CORRECTIONS)
    entity_name = spec.trigger.key
    entities = events.entity.tolist()
    bodies = [
        {"event_id": i, "event_time": at, entity_name: entity, "score": score}
        for i, at, entity, score in zip(
            events.event_id, format_times(events.event_time), entities, scores.tolist(), strict=True
        )
    ]
    for name, numbers in (estimates or {}).items():
        for body, number in zip(bodies, numbers.tolist(), strict=True):
            body[name] = number
    if items is not None:
        for body, slate in zip(bodies, items.tolist(), strict=True):
            body["items"] = slate
    if prepared.lineage is not None:
        for body, met in zip(bodies, prepared.lineage, strict=True):
            body["lineage"] = met
    keys, values = list(map(str.encode, entities)), dump_each(bodies)
    times = events.event_time.tolist()
    packed = np.ascontiguousarray(features, "<f4").view(f"V{features.shape[1] * 4}").ravel()
    rows, offsets = packed.tolist(), list(map(b"%d".__mod__, events.offset.tolist()))
    model = (MODEL, signature.model.encode())
    version = (MODEL_VERSION, signature.version.encode())
    hash_ = (FEATURE_HASH, signature.feature_hash.encode())
    batches = []
    for p, part in stretches(events.partition):
        source, own, _ = source_headers(name_in, p, 0)
        headers = [
            [model, version, hash_, (FEATURES, row), source, own, (SOURCE_OFFSET, at)]
            for row, at in zip(rows[part], offsets[part], strict=True)
        ]
        if prepared.recalled:
            for named, event_id in zip(headers, events.event_id[part], strict=True):
                named[-3:] = [(CORRECTS, event_id.encode())]
        batches.append(OutboundBatch(name_out, p, keys[part], values[part], times[part], headers))
    return batches


def unpack_features(packed: Sequence[bytes], n_features: int) -> Matrix:
    """Read logged features back, shape ``(n_rows, n_features)``."""
    return np.frombuffer(b"".join(packed), "<f4").reshape(-1, n_features)
