"""Inputs of a domain: its sources, the fields of their events, and where they are read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Columns, Floats, Ints
from streamsim.streams.spec.input_maps import FileMap, TableMap
from streamsim.streams.spec.spans import DAY, HOUR
from streamsim.streams.spec.third_parties import ThirdPartySpec
from streamsim.streams.spec.world import Slice


class Role(StrEnum):
    """What a source's events are for; each role has its own counts in the report."""

    TRIGGER = "trigger"
    """Scored events: the report's ``in`` counts these."""
    CONTEXT = "context"
    """Events that are joined as of the trigger's time: master data, weather, measurements."""
    LABEL = "label"
    """Labels: what was true, known later."""


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
        Longest string, in characters.
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
            raise UsageError(f"field {self.name}: only Kind.STRING and Kind.NUMBER can be optional")


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One stream of events of a domain; its topic is ``<domain>.<name>``.

    Parameters
    ----------
    key
        The field that holds the entity. The record's key must be the same, or the record is dead:
        an entity's past and labels are in its own partition.
    fields
        Fields besides ``event_id`` and ``event_time``, which every event has.
    allowed_lateness
        A record is late if its event time is older than its source's clock, as stamped on the
        record, by more than this (ms).
    max_ahead
        A record is dead if its event time is ahead of that clock by more than this (ms).
    remember
        Shortest time for which an event id is stored, in event time (ms). A second copy within it
        is a duplicate. Ids are always stored for ``allowed_lateness``; a later copy is late anyway.
    entity_optional
        An event without an entity is filtered (``no_entity``) instead of dead.
    derived
        Columns that are computed from the others when an event arrives: integers for windows to
        sum, or numbers to join, NaN where the event has no value. State holds only the columns
        that windows and joins use: no text is stored of which only derived columns are joined.
    sensitive
        Its events hold free text about persons. Its dead and late records are published masked
        (:func:`streamsim.streams.privacy.pseudonyms.redact`), with a keyed hash of the original
        bytes in a header in place of the bytes.
    vocabulary
        Capitalised words of its texts that are not names, beside those of everyday English; in
        lower case.
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

    @property
    def columns(self) -> frozenset[str]:
        """Names of its fields and of its derived columns."""
        return frozenset((*self.derived, *(own.name for own in self.fields)))


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a domain, and where they are read from.

    Parameters
    ----------
    sources
        Streams of events. Exactly one is the trigger, whose events are scored.
    files
        Kinds of files whose rows become events.
    databases
        Tables that are polled for changes, which become events of context sources.
    third_parties
        Third parties that are asked about the trigger's entities; their answers become events of
        context sources.
    heartbeat
        Every source sends its clock to every partition at every multiple of this (ms of event
        time).
    collect
        Maps the slices of a world or of files to the slices that are sent: it adds labels that
        follow from the events themselves.
    pseudonyms
        Fields of any source that identify a person, each with the kind of its identifier. Their
        values, and keys that hold them, are replaced by keyed hashes before they are sent
        (:mod:`streamsim.streams.privacy.edge`); fields of one kind still join.

    Raises
    ------
    UsageError
        If there is not exactly one trigger, two sources or third parties have the same name, or a
        table or a third party is not for a context source.
    """

    sources: tuple[SourceSpec, ...]
    files: tuple[FileMap, ...] = ()
    databases: tuple[TableMap, ...] = ()
    third_parties: tuple[ThirdPartySpec, ...] = ()
    heartbeat: int = HOUR
    collect: Callable[[Iterable[Slice]], Iterator[Slice]] = iter
    pseudonyms: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, own in (("sources", self.sources), ("third parties", self.third_parties)):
            names = Counter(one.name for one in own)
            if twins := [name for name, n in names.items() if n > 1]:
                raise UsageError(f"two {what} have the same name: {', '.join(twins)}")
        triggers = [source.name for source in self.sources if source.role is Role.TRIGGER]
        if len(triggers) != 1:
            raise UsageError(f"a domain has one trigger; here are {', '.join(triggers) or 'none'}")
        if self.heartbeat <= 0:
            raise UsageError(f"heartbeat must be positive, not {self.heartbeat} ms")
        filled = [origin.source for origin in self.databases]
        filled += [origin.source for origin in self.third_parties]
        for name in filled:
            if self.source(name).role is not Role.CONTEXT:
                raise UsageError(
                    f"{name} is no context source: no table or third party can fill it"
                )

    @property
    def asks_outside(self) -> bool:
        """Whether databases or third parties are asked for context while events are sent."""
        return bool(self.databases or self.third_parties)

    @property
    def trigger(self) -> SourceSpec:
        """The source whose events are scored."""
        return next(source for source in self.sources if source.role is Role.TRIGGER)

    def source(self, name: str) -> SourceSpec:
        """Return the source of that name.

        Raises
        ------
        UsageError
            If there is none.
        """
        for source in self.sources:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.sources)
        raise UsageError(f"there is no source {name!r}; there are: {known}")
