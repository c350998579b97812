"""What comes into a domain: its sources, the fields of their events, and where they come from."""

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
        or numbers to join, NaN where an event says nothing of it. State holds only the columns
        that windows and joins use: a text of which only derived columns are joined is in no state.
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

    @property
    def columns(self) -> frozenset[str]:
        """Names of its fields and of what it derives from them."""
        return frozenset((*self.derived, *(own.name for own in self.fields)))


@dataclass(frozen=True, slots=True)
class Inputs:
    """What comes into a domain, and from where.

    Parameters
    ----------
    sources
        Exactly one is the trigger, whose events are scored.
    files
        Kinds of files whose rows become events.
    databases
        Tables that are polled for changes, which become events of context sources.
    third_parties
        Third parties that are asked about the trigger's entities; their answers become events of
        context sources.
    heartbeat
        Every source says its clock at every multiple of this, on every partition (ms of event
        time).
    collect
        Turns all slices, of a world or of files, into those that are sent: it adds labels that
        lie in the events themselves.
    pseudonyms
        Fields of any source that identify a person, each with the kind of thing that it names.
        Their values, and keys that hold them, are replaced by keyed hashes before anything is sent
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
            raise UsageError(f"a heartbeat every {self.heartbeat} ms is none")
        filled = [origin.source for origin in self.databases]
        filled += [origin.source for origin in self.third_parties]
        for name in filled:
            if self.source(name).role is not Role.CONTEXT:
                raise UsageError(
                    f"{name} is no context source: no table or third party can fill it"
                )

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
