"""Headers of scores, by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import overload

from streamsim.consumers.predict.plans import Answering
from streamsim.streams.events import (
    CORRECTS,
    FEATURE_HASH,
    FEATURES,
    MODEL,
    MODEL_VERSION,
    STANDS_IN_FOR,
    Ints,
    source_headers,
)

Named = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, eq=False)
class ScoreHeaders(Sequence[Named]):
    """Headers of the scores of one partition: model, version, features and source of each.

    The sender makes a list of each; a reader in this process takes the columns.

    Attributes
    ----------
    answering
        The version of each.
    topic, partition, offset
        Where the scored events lie.
    features
        Features of each, as packed float32; none in a shadow's scores.
    corrects
        For corrections, the ids of the events that are scored again, which stand in place of their
        sources.
    """

    answering: Answering
    topic: str
    partition: int
    offset: Ints
    features: Sequence[bytes] | None
    corrects: Sequence[str] | None = None

    @property
    def versions(self) -> list[str]:
        """The version of each."""
        return [self.answering.of(row).version for row in range(len(self))]

    def __len__(self) -> int:
        return len(self.offset)

    def __iter__(self) -> Iterator[Named]:
        named = [
            [
                (MODEL, signature.model.encode()),
                (MODEL_VERSION, signature.version.encode()),
                (FEATURE_HASH, signature.feature_hash.encode()),
                *([] if failing is None else [(STANDS_IN_FOR, failing.version.encode())]),
            ]
            for signature, failing in zip(
                self.answering.versions, self.answering.failing, strict=True
            )
        ]
        number = self.answering.number
        model = repeat(named[0], len(self)) if number is None else map(named.__getitem__, number)
        if self.corrects is not None:
            for own, row, event_id in zip(model, self.features or (), self.corrects, strict=True):
                yield [*own, (FEATURES, row), (CORRECTS, event_id.encode())]
            return
        source, place, (name, _) = source_headers(self.topic, self.partition, 0)
        offsets = map(b"%d".__mod__, self.offset.tolist())
        if self.features is None:
            for own, at in zip(model, offsets, strict=True):
                yield [*own, source, place, (name, at)]
            return
        for own, row, at in zip(model, self.features, offsets, strict=True):
            yield [*own, (FEATURES, row), source, place, (name, at)]

    @overload
    def __getitem__(self, row: int) -> Named: ...

    @overload
    def __getitem__(self, row: slice) -> list[Named]: ...

    def __getitem__(self, row: int | slice) -> Named | list[Named]:
        return list(self)[row]
