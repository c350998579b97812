"""Plans: which versions of a model answer from an event time on, and how a batch is split.

The champion answers. A canary answers a share of the entities in its place: those whose hash is
below the share, the same ones always. A shadow answers every event too; its scores are published
and never acted on.

A version that fails keeps no event waiting: the champion answers in a canary's place, and the
stand-in, the champion before, in the champion's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from xxhash import xxh3_64_intdigest

from streamsim.streams.answers import Answers
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME, Floats, Ints, Mask, Objects
from streamsim.streams.signature import Signature

_HASHES = 2.0**64


@dataclass(frozen=True, slots=True)
class Plan:
    """The versions that answer.

    Parameters
    ----------
    champion
        Answers all entities, but for those of the canary.
    canary, share
        The version that answers this share of the entities (0 to 1), if there is one.
    shadow
        The version that answers every event beside the others, if there is one.
    stand_in
        The version that answers in the champion's place while that fails, if there is one.

    Raises
    ------
    UsageError
        If the share is not between 0 and 1, or there is a share without a canary.
    """

    champion: Signature
    canary: Signature | None = None
    share: float = 0.0
    shadow: Signature | None = None
    stand_in: Signature | None = None

    def __post_init__(self) -> None:
        if (self.canary is None) != (self.share == 0):
            raise UsageError("a canary has a share of the entities, and nothing else has one")
        if not 0 <= self.share < 1:
            raise UsageError(f"a canary's share is above 0 and below 1, not {self.share:g}")

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """All its versions, the champion first."""
        others = (self.canary, self.shadow, self.stand_in)
        return (self.champion, *(one for one in others if one is not None))

    def answering(self, entities: Objects) -> Answering:
        """Split a batch, by its events' entities, shape ``(n,)``."""
        if self.canary is None:
            return Answering((self.champion,), None, self.shadow, self.stand_in)
        number = on_canary(entities, self.share).astype(np.int64)
        return Answering((self.champion, self.canary), number, self.shadow, self.stand_in)


def on_canary(entities: Objects, share: float) -> Mask:
    """Say which entities a canary answers, shape ``(n,)``.

    >>> entities = np.array([f"entity-{n}" for n in range(10_000)], object)
    >>> few, many = on_canary(entities, 0.1), on_canary(entities, 0.5)
    >>> round(float(few.mean()), 1), bool(many[few].all())
    (0.1, True)
    """
    hashes = map(xxh3_64_intdigest, map(str.encode, entities.tolist()))
    return np.fromiter(hashes, np.float64, len(entities)) < share * _HASHES


@dataclass(frozen=True, slots=True, eq=False)
class Answering:
    """The versions that score a batch, and which rows are each one's.

    Attributes
    ----------
    versions
        The versions; the first one is the champion.
    number
        Per row, the number of its version; ``None``: the first scores all.
    shadow
        The version that scores all rows beside them, if there is one.
    stand_in
        The version that scores in the champion's place if that fails, if there is one.
    since
        From when on the plan holds (ms).
    planned
        The versions that the plan names, once a stand-in has answered in the place of one.
    """

    versions: tuple[Signature, ...]
    number: Ints | None = None
    shadow: Signature | None = None
    stand_in: Signature | None = None
    since: int = NO_TIME
    planned: tuple[Signature, ...] = ()

    @property
    def champion(self) -> Signature:
        """The champion's signature."""
        return self.versions[0]

    def places(self, n_rows: int) -> Iterator[tuple[int, Ints]]:
        """Yield the number of each version that has rows, with its rows in order."""
        if self.number is None:
            yield 0, np.arange(n_rows)
            return
        for place in range(len(self.versions)):
            rows = np.flatnonzero(self.number == place)
            if len(rows):
                yield place, rows

    def parts(self, n_rows: int) -> Iterator[tuple[Signature, Ints]]:
        """Yield each version that has rows, with its rows in order."""
        for place, rows in self.places(n_rows):
            yield self.versions[place], rows

    def after(self, place: int) -> tuple[Signature, ...]:
        """Return the versions that stand in for one, by its number, in their order."""
        champion, *canary = self.planned or self.versions
        # A canary that is the stand-in, too, answers for the champion, and the champion for it.
        order = [*canary, champion] if place else [champion]
        names = [signature.version for signature in order]
        if self.stand_in is not None and self.stand_in.version not in names:
            order.append(self.stand_in)
            names.append(self.stand_in.version)
        return tuple(order[names.index(self.versions[place].version) + 1 :])

    def stood_in(self, place: int, by: Signature) -> Answering:
        """Return it with another version in the place of one that fails."""
        versions = (*self.versions[:place], by, *self.versions[place + 1 :])
        return replace(self, versions=versions, planned=self.planned or self.versions)

    @property
    def failing(self) -> tuple[Signature | None, ...]:
        """Per version, the one in whose place it has answered, ``None`` if it was planned."""
        planned = self.planned or self.versions
        pairs = zip(self.versions, planned, strict=True)
        return tuple(None if own.version == one.version else one for own, one in pairs)

    def of(self, row: int) -> Signature:
        """Return the version of a row."""
        return self.versions[0 if self.number is None else int(self.number[row])]

    def take(self, rows: Ints) -> Answering:
        """Return some rows, without the shadow."""
        number = None if self.number is None else self.number[rows]
        return replace(self, number=number, shadow=None)

    def copies(self, rows: Ints, n_copies: int) -> Answering:
        """Return some rows, each as often as ``n_copies`` rows in all ask for."""
        own = self.take(rows)
        if own.number is None or not len(rows):
            return own
        return replace(own, number=np.repeat(own.number, n_copies // len(rows)))

    def thresholds(self, n_rows: int) -> Floats:
        """Return the alert threshold of each row, shape ``(n_rows,)``."""
        own = np.array([signature.threshold for signature in self.versions])
        return np.full(n_rows, own[0]) if self.number is None else own[self.number]


def in_place(parts: Sequence[tuple[Ints, Answers]]) -> Answers:
    """Join the answers of several versions, each with its rows, in the order of the rows.

    >>> in_place([(np.array([0, 2]), np.array([0.1, 0.3])), (np.array([1]), np.array([0.2]))])
    array([0.1, 0.2, 0.3])
    """
    if len(parts) == 1:
        return parts[0][1]
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    joined: Answers = np.concatenate([answer for _, answer in parts])[order]
    return joined
