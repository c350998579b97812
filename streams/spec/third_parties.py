"""Third parties that a domain asks over HTTP: requests, answers as events, and stand-ins.

This module is pure: requests and replies are values. :mod:`streamsim.producers.http_client` sends
them, and :mod:`streamsim.simulator.standins` serves the stand-ins.
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
"""HTTP statuses of passing faults: the same request may be answered later."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to an HTTP API.

    Parameters
    ----------
    path
        The segments of the path, not encoded: a slash in one cannot make two.
    headers
        Headers besides those of the API key.
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
        """Return a reply whose body is the value as JSON."""
        return cls(status, orjson.dumps(value), headers or {})

    def header(self, name: str) -> str | None:
        """Return a header's value, ``None`` without it; its name's case is ignored."""
        found = (v for k, v in self.headers.items() if k.lower() == name.lower())
        return next(found, None)

    def read(self) -> dict[str, Any]:
        """Return its body, a JSON object.

        Raises
        ------
        AnswerError
            If the body is anything else.
        """
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise AnswerError("the answer is no JSON object")
        return value


Conversation: TypeAlias = Generator[Request, Reply, Any]
"""Asks about one entity: yields a request, receives its reply, and returns the answer.

It may yield several requests, for pages, say. It returns ``None`` for an entity that the third
party does not know. It raises :class:`AnswerError` for an unusable answer about this entity, and
:class:`SettingError` where only another setting would help.
"""


def by_api_key(key: str) -> Mapping[str, str]:
    """Return the headers that carry an API key in many APIs."""
    return {"X-Api-Key": key}


@dataclass(frozen=True, slots=True)
class HttpApi:
    """How to ask a third party's HTTP API.

    Parameters
    ----------
    ask
        ``entity -> Conversation``. It receives only replies whose status is one of ``answers``.
    authorise
        ``key -> headers`` that carry the API key.
    answers
        Statuses of answers.
    passing
        Statuses after which the same request is retried after a pause. After 429 it is retried
        when ``Retry-After`` is over. After any other status no more requests are sent.
    """

    ask: Callable[[str], Conversation]
    authorise: Callable[[str], Mapping[str, str]] = by_api_key
    answers: frozenset[int] = frozenset({200, 404})
    passing: frozenset[int] = PASSING


class StandIn(Protocol):
    """Simulates a third party. Several threads may use it."""

    def __len__(self) -> int:
        """Return how many entities it knows."""
        ...

    def learn(self, facts: object) -> int:
        """Store an array of facts; return the number of entities with a new fact.

        Raises
        ------
        AnswerError
            If it is no array, or an element is malformed. Then nothing is stored.
        """
        ...

    def answer(self, request: Request) -> Reply:
        """Answer a request that has the API key.

        Raises
        ------
        AnswerError
            If the request is malformed; then the reply's status is 400.
        """
        ...


def _as_they_are(value: object) -> object:
    return value


@dataclass(frozen=True, slots=True)
class StandInSpec:
    """A third party's stand-in.

    Parameters
    ----------
    begin
        Makes one without facts.
    entries
        Name of its facts, one word: they are posted to ``/admin/<entries>``.
    health
        Path of its health check, which needs no API key and has no rate limit.
    file
        Name of the JSON file with its facts, in a replayed folder.
    facts_of
        Converts the file's content to an array of facts; raises :class:`AnswerError` if it cannot.
    """

    begin: Callable[[], StandIn]
    entries: str
    health: tuple[str, ...]
    file: str
    facts_of: Callable[[object], object] = _as_they_are


@dataclass(frozen=True, slots=True)
class ThirdPartySpec:
    """A third party that is asked about the trigger's entities when they are seen.

    Its settings are ``<name>_url``, ``<name>_wait_s``, ``<name>_key`` and ``<name>_token``.

    Parameters
    ----------
    name
        Prefix of its settings, and its name in logs: a word in lower case.
    noun
        What it is, in words: ``"register of meters"``.
    source
        Name of the domain's context source for its answers.
    facts
        Name of the emission with a world's facts for the stand-in; it is not sent to a topic.
    ttl
        How long an answer is valid (ms of event time).
    event
        ``(entity, answer or None, when it was asked in ms) -> fields of the event``.
    wait_s
        How long a producer waits for its answers (s of wall time), by default of its setting.
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
        """The setting of its address; empty for a stand-in."""
        text = f"address of the {self.noun}; by default a stand-in"
        return Setting(f"{self.name}_url", "", "URL", text)

    @property
    def wait(self) -> Setting:
        """The setting of how long a producer waits for its answers (s)."""
        text = f"how long a producer waits for the {self.noun}'s answers before it goes on without"
        return Setting(f"{self.name}_wait_s", self.wait_s, "s", text, 0.0, 600)

    @property
    def key(self) -> Setting:
        """The setting of its API key."""
        return Setting(f"{self.name}_key", "", "secret", f"API key of the {self.noun}")

    @property
    def token(self) -> Setting:
        """The setting of the token for posting facts to its stand-in."""
        text = f"token for changing the {self.noun}'s stand-in; by default STREAMSIM_TOKEN"
        return Setting(f"{self.name}_token", "", "secret", text)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """All its settings."""
        return (self.url, self.wait, self.key, self.token)


def converse(exchange: Conversation, answer: Callable[[Request], Reply]) -> Any:
    """Run a conversation with a function that answers requests; return its result.

    Raises
    ------
    AnswerError, SettingError
        As the conversation does.
    """
    try:
        request = next(exchange)
        while True:
            request = exchange.send(answer(request))
    except StopIteration as end:
        return end.value
