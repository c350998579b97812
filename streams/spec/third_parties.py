"""Third parties that a domain asks over HTTP: how to ask, what to make of it, who stands in.

All of it is pure: requests and replies are values. Who sends them is
:mod:`streamsim.producers.http_client`, who serves a stand-in
:mod:`streamsim.simulator.standins`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote, urlencode

import orjson

from streamsim.streams.errors import AnswerError, UsageError
from streamsim.streams.settings import Setting

PASSING = frozenset({408, 425, *range(500, 600)})
"""Statuses after which the same request may well be answered."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to an HTTP API.

    Parameters
    ----------
    path
        The segments of the path, not encoded: a segment cannot become two.
    headers
        Beside those that carry the API key.
    """

    path: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"

    @property
    def target(self) -> str:
        """Path and query, encoded.

        >>> Request(("v1", "a/b"), {"limit": "5", "cursor": "x+y"}).target
        '/v1/a%2Fb?limit=5&cursor=x%2By'
        """
        path = "".join(f"/{quote(segment, safe='')}" for segment in self.path)
        query = urlencode(self.query, quote_via=quote, safe="")
        return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of an HTTP API."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """Return a reply whose body is a value as JSON."""
        return cls(status, orjson.dumps(value), headers or {})

    def header(self, name: str) -> str | None:
        """Return a header's value, ``None`` if it is not there; case makes no difference."""
        found = (v for k, v in self.headers.items() if k.lower() == name.lower())
        return next(found, None)

    def read(self) -> dict[str, Any]:
        """Return the JSON object that is its body.

        Raises
        ------
        AnswerError
            If it is none.
        """
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise AnswerError("the answer is no JSON object")
        return value


Conversation: TypeAlias = Generator[Request, Reply, Any]
"""Asks about one entity: yields a request, is sent its reply, and returns what is said.

It yields as many requests as it takes, for pages, say. It returns ``None`` for an entity that the
third party does not know. It raises :class:`AnswerError` for an answer that cannot be used, which
concerns this entity alone, and :class:`SettingError` where only another setting would help.
"""


def by_api_key(key: str) -> Mapping[str, str]:
    """Return the headers that carry an API key, as many APIs want them."""
    return {"X-Api-Key": key}


@dataclass(frozen=True, slots=True)
class HttpApi:
    """How a third party's API is asked.

    Parameters
    ----------
    ask
        ``entity -> Conversation``. It is sent replies whose status is one of ``answers`` only.
    authorise
        ``key -> headers`` that carry the API key.
    answers
        Statuses that are answers.
    passing
        Statuses after which the same request is sent again, after a pause. After 429 it is sent
        again once ``Retry-After`` is over; after any other status nothing is asked any more.
    """

    ask: Callable[[str], Conversation]
    authorise: Callable[[str], Mapping[str, str]] = by_api_key
    answers: frozenset[int] = frozenset({200, 404})
    passing: frozenset[int] = PASSING


class StandIn(Protocol):
    """Behaves as a third party does. Several threads may use it."""

    def __len__(self) -> int:
        """Return how many entities it knows."""
        ...

    def learn(self, facts: object) -> int:
        """Take in an array of facts; return of how many entities something is new.

        Raises
        ------
        AnswerError
            If it is no array, or something in it is not of its form. Nothing is taken in then.
        """
        ...

    def answer(self, request: Request) -> Reply:
        """Answer a request that has the API key.

        Raises
        ------
        AnswerError
            If the request is not of its form; the reply's status is 400 then.
        """
        ...


def _as_they_are(value: object) -> object:
    return value


@dataclass(frozen=True, slots=True)
class StandInSpec:
    """What stands in for a third party.

    Parameters
    ----------
    begin
        Makes one that knows nothing.
    entries
        What it knows, in one word: facts are posted to ``/admin/<entries>``.
    health
        Path that says whether it is up. It asks for no API key and has no rate limit.
    file
        Name of a file of what it knows, in a folder of files that is replayed; JSON.
    facts_of
        What the file holds to an array of facts. It raises :class:`AnswerError` if it cannot be.
    """

    begin: Callable[[], StandIn]
    entries: str
    health: tuple[str, ...]
    file: str
    facts_of: Callable[[object], object] = _as_they_are


@dataclass(frozen=True, slots=True)
class ThirdPartySpec:
    """A third party that is asked about the trigger's entities as they are seen.

    Its settings are ``<name>_url``, ``<name>_wait_s``, ``<name>_key`` and ``<name>_token``.

    Parameters
    ----------
    name
        Of its settings, its stand-in and its log: a word in lower case.
    noun
        What it is, in words: ``"register of meters"``.
    source
        Name of the domain's context source that its answers are events of.
    facts
        Name of the emission with which a world tells it what has happened; it is not sent.
    ttl
        How long an answer serves (ms of event time).
    event
        ``(entity, what is said or None, when it was asked in ms) -> fields of the event``.
    wait_s
        How long a producer waits for its answers (s of wall time), unless its setting says
        otherwise.
    """

    name: str
    noun: str
    source: str
    facts: str
    ttl: int
    event: Callable[[str, Any, int], Mapping[str, Any]]
    api: HttpApi
    standin: StandInSpec
    wait_s: float = 0.5

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", self.name):
            raise UsageError(f"a third party's name is a word in lower case, not {self.name!r}")

    @property
    def url(self) -> Setting:
        """The setting that says where it is; empty for a stand-in."""
        text = f"{self.noun} that is asked; by default a stand-in"
        return Setting(f"{self.name}_url", "", "URL", text)

    @property
    def wait(self) -> Setting:
        """The setting that says how long a producer waits for its answers (s)."""
        text = f"how long a producer waits for the {self.noun}'s answers before it goes on without"
        return Setting(f"{self.name}_wait_s", self.wait_s, "s", text, 0.0, 600)

    @property
    def key(self) -> Setting:
        """The setting that holds its API key."""
        return Setting(f"{self.name}_key", "", "secret", f"API key of the {self.noun}")

    @property
    def token(self) -> Setting:
        """The setting that holds what its stand-in asks for when it is told facts."""
        text = f"what changing the {self.noun}'s stand-in asks for; by default STREAMSIM_TOKEN"
        return Setting(f"{self.name}_token", "", "secret", text)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """All its settings."""
        return (self.url, self.wait, self.key, self.token)


def converse(exchange: Conversation, answer: Callable[[Request], Reply]) -> Any:
    """Return what an exchange comes to if requests are answered at once.

    Raises
    ------
    AnswerError, SettingError
        As the exchange does.
    """
    try:
        request = next(exchange)
        while True:
            request = exchange.send(answer(request))
    except StopIteration as end:
        return end.value
