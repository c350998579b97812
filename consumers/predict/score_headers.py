"""Headers of scores, by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from streamsim.streams.events import (
    CORRECTS,
    FEATURE_HASH,
    FEATURES,
    MODEL,
    MODEL_VERSION,
    Ints,
    source_headers,
)
from streamsim.streams.signature import Signature

Named = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, eq=False)
class ScoreHeaders(Sequence[Named]):
    """Headers of the scores of one partition: model, version, features and source of each.

    The sender makes a list of each; a reader in this process takes the columns.

    Attributes
    ----------
    topic, partition, offset
        Where the scored events lie.
    features
        Features of each, as packed float32.
    corrects
        For corrections, the ids of the events that are scored again, which stand in place of their
        sources.
    """

    signature: Signature
    topic: str
    partition: int
    offset: Ints
    features: Sequence[bytes]
    corrects: Sequence[str] | None = None

    @property
    def version(self) -> str:
        """The model's version."""
        return self.signature.version

    def __len__(self) -> int:
        return len(self.features)

    def __iter__(self) -> Iterator[Named]:
        signature = self.signature
        model = (MODEL, signature.model.encode())
        version = (MODEL_VERSION, signature.version.encode())
        hash_ = (FEATURE_HASH, signature.feature_hash.encode())
        if self.corrects is not None:
            for row, event_id in zip(self.features, self.corrects, strict=True):
                yield [model, version, hash_, (FEATURES, row), (CORRECTS, event_id.encode())]
            return
        source, own, (name, _) = source_headers(self.topic, self.partition, 0)
        for row, at in zip(self.features, map(b"%d".__mod__, self.offset.tolist()), strict=True):
            yield [model, version, hash_, (FEATURES, row), source, own, (name, at)]

    @overload
    def __getitem__(self, row: int) -> Named: ...

    @overload
    def __getitem__(self, row: slice) -> list[Named]: ...

    def __getitem__(self, row: int | slice) -> Named | list[Named]:
        return list(self)[row]
