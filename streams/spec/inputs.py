"""What comes in: a domain's sources and the fields of their events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Columns, Floats, Ints
from streamsim.streams.spec.spans import DAY, HOUR


class Role(StrEnum):
    """What a source's events are for; each role closes an account of its own."""

    TRIGGER = "trigger"
    """Is scored: the ``in`` of the account counts these."""
    CONTEXT = "context"
    """Is joined as it was known at the time: master data, weather, measurements."""
    LABEL = "label"
    """Says later what was true."""


class Kind(StrEnum):
    """Type of a field in the JSON of an event."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    TIME = "time"
    """An RFC 3339 instant; a column of it holds milliseconds in UTC."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event.

    Parameters
    ----------
    required
        A record without it is dead. A missing optional string is ``None``, a missing optional
        number NaN; integers and times cannot be optional.
    low, high
        Inclusive bounds of a number, or of a time in ms.
    max_length
        Of a string, in characters.
    """

    name: str
    kind: Kind
    help: str
    required: bool = True
    low: float | None = None
    high: float | None = None
    max_length: int = 200
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.required and self.kind in (Kind.INTEGER, Kind.TIME):
            raise UsageError(f"field {self.name}: only strings and numbers can be optional")


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One stream of events of a domain; its topic is ``<domain>.<name>``.

    Parameters
    ----------
    key
        The field that holds the entity. The record's key must be the same, or it is dead: past
        and labels of an entity meet only in its own partition.
    fields
        Besides ``event_id`` and ``event_time``, which every event has.
    allowed_lateness
        A record is late if its event time is older than the source's clock, as stamped on
        that same record, by more than this (ms).
    max_ahead
        A record is dead if its event time is ahead of that clock by more than this (ms).
    remember
        How long an event id is remembered at least, in event time (ms). A second copy within
        it is a duplicate; ids are always kept for ``allowed_lateness``, past which a copy is
        late anyway.
    entity_optional
        Without an entity an event is not dead but filtered (``no_entity``).
    derived
        Columns that are made from the others as an event arrives: integers for windows to add up,
        or numbers to look up, NaN where an event says nothing of it. What is looked up and
        windowed is kept, the rest is not: a text of which only derived columns are looked up is in
        no state.
    sensitive
        It carries free text about persons. What of it is dead or late goes on masked
        (:func:`streamsim.streams.privacy.pseudonyms.redact`), with a keyed hash of the original
        bytes in a header in place of the bytes.
    vocabulary
        Words of its texts that have a capital and are still no name, beside those of everyday
        English; in lower case.
    """

    name: str
    role: Role
    key: str
    fields: tuple[Field, ...]
    help: str
    allowed_lateness: int = 0
    max_ahead: int = DAY
    remember: int = HOUR
    entity_optional: bool = False
    derived: Mapping[str, Callable[[Columns], Ints | Floats]] = field(default_factory=dict)
    sensitive: bool = False
    vocabulary: Callable[[], frozenset[str]] = frozenset
