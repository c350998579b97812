"""HTTP fetch: send one request to a third party's API, with limits of time and size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp

from streamsim.streams.errors import AnswerError, SettingError
from streamsim.streams.spec.third_parties import Reply, Request, by_api_key


class Unanswered(Exception):
    """No complete reply: refused, interrupted or timed out. A retry may succeed."""


class Fetch(Protocol):
    """Protocol of a sender of requests; tests have their own."""

    async def send(self, request: Request, max_bytes: int) -> Reply:
        """Send a request and return the reply.

        Raises
        ------
        Unanswered
            If there is no reply.
        AnswerError
            If the reply has more than ``max_bytes``.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class HttpFetch:
    """Sends requests with aiohttp.

    It follows no redirects, since the key belongs to one address, and requests no compression, so
    that a small reply cannot expand.

    Parameters
    ----------
    url
        Base address of the API.
    key
        The API key.
    timeout_s
        Time-out of a request, up to the last byte of its reply.
    authorise
        ``key -> headers`` that carry the key.
    """

    def __init__(
        self,
        url: str,
        key: str,
        timeout_s: float,
        authorise: Callable[[str], Mapping[str, str]] = by_api_key,
    ) -> None:
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good or parts.query or parts.fragment or not url.isascii():
            raise SettingError(f"not the address of an API: {url!r}")
        if not key or not key.isascii() or not key.isprintable():
            raise SettingError("the API key is empty, or has characters not allowed in a header")
        self._base = url.rstrip("/")
        self._headers = {
            "Accept": "application/json", "Accept-Encoding": "identity", **authorise(key)
        }  # fmt: skip
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request, max_bytes: int) -> Reply:
        """See :class:`Fetch`."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers, timeout=self._timeout, auto_decompress=False
            )
        body = bytearray()
        try:
            async with self._session.request(
                request.method,
                self._base + request.target,
                headers=request.headers,
                allow_redirects=False,
            ) as response:
                async for part in response.content.iter_chunked(1 << 16):
                    body += part
                    if len(body) > max_bytes:
                        response.close()
                        raise AnswerError(f"the answer has more than {max_bytes:,} bytes")
                return Reply(response.status, bytes(body), dict(response.headers))
        except (aiohttp.ClientError, OSError) as error:  # a time-out is an OSError
            raise Unanswered(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """See :class:`Fetch`."""
        if self._session is not None:
            await self._session.close()


def read_retry_after(text: str | None, now_ms: int) -> float | None:
    """Return the seconds of a ``Retry-After`` header, ``None`` if it is absent or unreadable.

    It holds seconds or a date (RFC 9110, section 10.2.3).

    >>> read_retry_after("2", 0), read_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 15_000)
    (2.0, 45.0)
    >>> [read_retry_after(text, 0) for text in (None, "soon", "-1", "nan")]
    [None, None, None, None]
    """
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
        return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC)).timestamp() - now_ms / 1000)
    except (ValueError, OverflowError):
        return None
