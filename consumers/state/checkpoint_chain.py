"""Which of a changelog's records are the state: the chain from the last snapshot to the tip.

A worker that has lost its partition may write on for a while, and nothing in Kafka stops it. So
every content names the one that it follows, and the generation that wrote it. Recovery takes the
newest generation's last content and goes back from it; other branches count for nothing. A content
that is too large for one record comes in several parts, and counts once all are there; a part that
was sent twice counts once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from streamsim.streams.errors import StateError
from streamsim.streams.events import Headers, first_headers

FULL, INCREMENTAL = "full", "incremental"


class Epoch(NamedTuple):
    """Who writes: a later generation of the group comes after an earlier one.

    A group that has been forgotten counts its generations anew: its first writer then begins
    another term.
    """

    term: int
    generation: int

    def next(self, generation: int) -> Epoch:
        """Return the epoch of a writer of that generation that follows this one.

        >>> Epoch(1, 5).next(7), Epoch(1, 5).next(2)
        (Epoch(term=1, generation=7), Epoch(term=2, generation=2))
        """
        return Epoch(self.term + (generation < self.generation), generation)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a record of the changelog says of itself, in its headers.

    Parameters
    ----------
    content
        Id of the content that this is a part of.
    after
        Id of the content that this one follows; empty for the very first one.
    part, parts
        Which part it is (from 0), of how many.
    base
        Offset from which on all of its chain can be read.
    group, state
        The consumer group and the fingerprint of the state's definition.
    """

    kind: str
    content: str
    after: str
    part: int
    parts: int
    base: int
    epoch: Epoch
    group: str
    state: str

    def headers(self) -> list[tuple[str, bytes]]:
        """Write it as headers."""
        texts = {
            "kind": self.kind,
            "content": self.content,
            "after": self.after,
            "part": f"{self.part}/{self.parts}",
            "base": str(self.base),
            "epoch": f"{self.epoch.term}.{self.epoch.generation}",
            "group": self.group,
            "state": self.state,
        }
        return [(name, text.encode()) for name, text in texts.items()]

    @classmethod
    def read(cls, headers: Headers) -> Mark:
        """Read it from headers.

        Raises
        ------
        StateError
            If they are others.
        """
        try:
            text = {k: v.decode() for k, v in first_headers(headers).items() if v is not None}
            part, _, parts = text["part"].partition("/")
            term, _, generation = text["epoch"].partition(".")
            return cls(
                text["kind"],
                text["content"],
                text["after"],
                int(part),
                int(parts),
                int(text["base"]),
                Epoch(int(term), int(generation)),
                text["group"],
                text["state"],
            )
        except (KeyError, ValueError) as error:
            raise StateError(f"a record that no worker has written ({error!r})") from None


@dataclass(frozen=True, slots=True)
class Written:
    """A record of the changelog."""

    offset: int
    mark: Mark
    data: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """One whole content of a chain; ``offset`` is that of its first record."""

    offset: int
    mark: Mark
    data: bytes


def follow_chain(records: Iterable[Written]) -> list[Link]:
    """Return the contents that are the state, oldest first; empty if there is none.

    Parameters
    ----------
    records
        Of one partition and one group, in the order of the log.

    Raises
    ------
    StateError
        If there are contents, but none whose chain is whole.
    """
    parts: dict[str, dict[int, Written]] = {}
    for record in records:
        parts.setdefault(record.mark.content, {})[record.mark.part] = record
    whole = {
        content: [found[i] for i in sorted(found)]
        for content, found in parts.items()
        if len(found) == next(iter(found.values())).mark.parts
    }
    newest = sorted(
        whole.values(), key=lambda own: (own[0].mark.epoch, own[-1].offset), reverse=True
    )
    for tip in newest:
        chain = _back(tip[0].mark.content, whole)
        if chain:
            return chain
    if whole:
        raise StateError("no content of the changelog has all that it follows")
    return []


def _back(content: str, whole: dict[str, list[Written]]) -> list[Link]:
    chain: list[Link] = []
    while content in whole:
        records = whole[content]
        mark = records[0].mark
        first = min(record.offset for record in records)
        chain.append(Link(first, mark, b"".join(record.data for record in records)))
        if mark.kind == FULL or not mark.after:
            return chain[::-1]
        content = mark.after
    return []
