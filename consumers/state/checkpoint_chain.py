"""Checkpoint chain: the checkpoints of a changelog from the last snapshot to the newest one.

A worker that has lost its partition may still write for a while; Kafka does not stop it. So every
checkpoint names its predecessor and the generation of its writer. Recovery starts at the last
checkpoint of the newest generation and follows the predecessors; other branches are ignored. A
checkpoint that is too large for one record is split into parts. It is valid once all its parts are
there; a part that was sent twice counts once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from streamsim.streams.errors import StateError
from streamsim.streams.events import Headers, first_headers

FULL, INCREMENTAL = "full", "incremental"


class Epoch(NamedTuple):
    """Order of writers: a later generation of the consumer group comes after an earlier one.

    If the broker has deleted the group, generations start again from 1: the next writer then begins
    a new term.
    """

    term: int
    generation: int

    def next(self, generation: int) -> Epoch:
        """Return the epoch of the next writer, by its generation.

        >>> Epoch(1, 5).next(7), Epoch(1, 5).next(2)
        (Epoch(term=1, generation=7), Epoch(term=2, generation=2))
        """
        return Epoch(self.term + (generation < self.generation), generation)


@dataclass(frozen=True, slots=True)
class CheckpointHeader:
    """Headers of a record of the changelog.

    Parameters
    ----------
    kind
        ``full`` or ``incremental``.
    content
        Id of the checkpoint that this record is a part of.
    after
        Id of the preceding checkpoint; empty for the first one.
    part, parts
        Number of this part (from 0), and how many there are.
    base
        Offset from which on the whole chain can be read.
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

    def encode(self) -> list[tuple[str, bytes]]:
        """Return the Kafka headers."""
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
    def read(cls, headers: Headers) -> CheckpointHeader:
        """Read Kafka headers.

        Raises
        ------
        StateError
            If they are not those of a changelog record.
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
class ChangelogRecord:
    """A record of the changelog."""

    offset: int
    header: CheckpointHeader
    data: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint with all its parts; ``offset`` is that of its first record."""

    offset: int
    header: CheckpointHeader
    data: bytes


def follow_chain(records: Iterable[ChangelogRecord]) -> list[Checkpoint]:
    """Return the checkpoints that make up the state, oldest first; empty if there are none.

    Parameters
    ----------
    records
        Of one partition and one group, in the order of the log.

    Raises
    ------
    StateError
        If there are checkpoints, but no complete chain.
    """
    parts: dict[str, dict[int, ChangelogRecord]] = {}
    for record in records:
        parts.setdefault(record.header.content, {})[record.header.part] = record
    whole = {
        content: [found[i] for i in sorted(found)]
        for content, found in parts.items()
        if len(found) == next(iter(found.values())).header.parts
    }
    newest = sorted(
        whole.values(), key=lambda own: (own[0].header.epoch, own[-1].offset), reverse=True
    )
    for tip in newest:
        chain = _chain_to(tip[0].header.content, whole)
        if chain:
            return chain
    if whole:
        raise StateError("no checkpoint of the changelog has a complete chain before it")
    return []


def _chain_to(content: str, whole: dict[str, list[ChangelogRecord]]) -> list[Checkpoint]:
    """Return the chain that ends with a checkpoint, oldest first; empty if it is incomplete."""
    chain: list[Checkpoint] = []
    while content in whole:
        records = whole[content]
        header = records[0].header
        first = min(record.offset for record in records)
        chain.append(Checkpoint(first, header, b"".join(record.data for record in records)))
        if header.kind == FULL or not header.after:
            return chain[::-1]
        content = header.after
    return []
