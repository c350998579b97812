"""What a domain's producer sends: slices of a world or of files, with all that goes with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamsim.producers.connect import is_sqlite, sqlite_url
from streamsim.producers.database import ChangePoller
from streamsim.producers.programme import HttpProgramme
from streamsim.producers.tables import through_table, with_changes
from streamsim.producers.upsert import CustomerTable
from streamsim.simulator.standins.members import Members, read_facts, read_file
from streamsim.streams.privacy.edge import pseudonymised
from streamsim.streams.privacy.keys import INVENTED, privacy_key
from streamsim.streams.settings import Settings
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.input_maps import ThirdPartySpec
from streamsim.streams.spec.world import Slice
from streamsim.streams.third_party import Said, ThirdParty, with_answers


class InMemory:
    """A third party in this process, which answers at once."""

    def __init__(self, members: Members | None = None) -> None:
        self._members = members or Members()
        self._asked: list[tuple[str, int]] = []

    def learn(self, facts: Sequence[Any]) -> None:
        """See :class:`streamsim.streams.third_party.ThirdParty`."""
        self._members.merge(read_facts(list(facts)))

    def ask(self, entity: str, at_ms: int) -> None:
        """See :class:`streamsim.streams.third_party.ThirdParty`."""
        self._asked.append((entity, at_ms))

    def answers(self) -> Sequence[Said]:
        """See :class:`streamsim.streams.third_party.ThirdParty`."""
        asked, self._asked = self._asked, []
        return [Said(entity, at, self._member(entity)) for entity, at in asked]

    def _member(self, entity: str) -> dict[str, Any] | None:
        member = self._members.get(entity)
        return None if member is None else {**member, **self._redemptions(entity)}

    def _redemptions(self, entity: str) -> dict[str, Any]:
        page = self._members.page(entity, None, 1 << 30)
        return {"redemptions": [] if page is None else page["redemptions"]}


@dataclass(slots=True)
class Reach:
    """What a producer reaches beside its own events: real systems, or this process alone.

    Parameters
    ----------
    settings
        Names the database and the third party, and has the key of pseudonyms; without it, a
        world's context goes on its way as it is, the third party is in this process, and
        pseudonyms are those of invented persons.
    folder
        Of files that are replayed: they hold a table or what a third party knows.
    """

    settings: Settings | None = None
    folder: Path | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    def collected(self, spec: DomainSpec, slices: Iterable[Slice]) -> Iterator[Slice]:
        """Add all that goes with a domain's slices; close what was opened at their end."""
        with self._open:
            for table in spec.inputs.databases:
                source = spec.source(table.source)
                if (file := self._file(f"{table.table}.sqlite")) is not None and is_sqlite(file):
                    poller = ChangePoller(sqlite_url(file), table)
                    self._open.callback(poller.close)
                    slices = with_changes(slices, poller, source)
                elif self.settings is not None and self.settings.database_url:
                    customers = CustomerTable(self.settings.database_url, table)
                    poller = ChangePoller(self.settings.database_url, table)
                    self._open.callback(customers.close)
                    self._open.callback(poller.close)
                    slices = through_table(slices, table, source, customers, poller)
            for ask in spec.inputs.third_parties:
                slices = with_answers(spec, ask, slices, self._party(ask))
            slices = spec.inputs.collect(slices)
            if spec.inputs.pseudonyms:
                slices = pseudonymised(spec.inputs, slices, self._key())
            yield from slices

    def _key(self) -> bytes:
        return INVENTED if self.settings is None else privacy_key(self.settings)

    def _party(self, ask: ThirdPartySpec) -> ThirdParty:
        settings = self.settings
        if settings is not None and settings.loyalty_url:
            party = HttpProgramme(
                settings.loyalty_url,
                settings.loyalty_key,
                settings.token,
                settings.loyalty_wait_s,
            )
            self._open.callback(party.close)
            return party
        members = Members()
        if (file := self._file(ask.file)) is not None:
            members.merge(read_file(file))
        return InMemory(members)

    def _file(self, name: str) -> Path | None:
        if self.folder is None or not self.folder.is_dir():
            return None
        path = self.folder / name
        return path if path.is_file() else None
