"""Pseudonymisation at the producer: replaces identifiers of persons before events are sent.

A record that is no valid event cannot be searched for identifiers. Its length and keyed hash are
sent in its place, which identify the original, and the consumers dead-letter it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from streamsim.streams.codec import decode_objects, dump_each
from streamsim.streams.privacy.pseudonyms import pseudonym, withheld
from streamsim.streams.reading.reading_ahead import SLICES, in_groups
from streamsim.streams.spec import Inputs
from streamsim.streams.spec.world import Emission, Slice

_KNOWN = 200_000


def pseudonymised(inputs: Inputs, slices: Iterable[Slice], key: bytes) -> Iterator[Slice]:
    """Replace identifiers of persons in all emissions of a domain, including its truth.

    A record's key is the entity; it gets the same pseudonym as the entity's field.

    Parameters
    ----------
    key
        Key of the keyed hash (:func:`streamsim.streams.privacy.pseudonyms.pseudonym`).
    """
    edge = _Edge(inputs.pseudonyms, inputs.pseudonyms.get(inputs.trigger.key), key)
    for group in in_groups(slices, 1 if inputs.asks_outside else SLICES):
        values = iter(
            edge.values([v for piece in group for e in piece.emissions for v in e.values])
        )
        for piece in group:
            emissions = [
                Emission(
                    e.source, e.event_time, e.clock, edge.keys(e.keys),
                    [*islice(values, len(e))], e.notes,
                )
                for e in piece.emissions
            ]  # fmt: skip
            yield Slice(piece.until, tuple(emissions))


class _Edge:
    def __init__(self, fields: Mapping[str, str], entity: str | None, key: bytes) -> None:
        self._fields, self._entity, self._key = fields, entity, key
        self._of = lru_cache(_KNOWN)(lambda text, kind: pseudonym(text, key, kind))

    def values(self, values: list[bytes]) -> list[bytes]:
        objects, bad = decode_objects(values)
        bodies = [self._body(item) if item is not None else {} for item in objects]
        named = dump_each(bodies)
        for row in bad:
            named[row] = withheld(values[row] or b"", self._key).encode()
        return named

    def keys(self, keys: list[bytes | None]) -> list[bytes | None]:
        return [None if own is None else self._named(own) for own in keys]

    def _body(self, item: dict[str, Any]) -> dict[str, Any]:
        for name, kind in self._fields.items():
            value = item.get(name)
            if isinstance(value, str) and value:
                item[name] = self._of(value, kind)
            elif value is not None:
                item[name] = None  # a value of another type cannot be hashed as an identifier
        return item

    def _named(self, own: bytes) -> bytes:
        if self._entity is None or not own:
            return own
        return self._of(own.decode("utf-8", "replace"), self._entity).encode()
