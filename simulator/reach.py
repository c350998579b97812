"""Context of a domain's events: database changes, third parties' answers and pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from streamsim.simulator.standins.facts_file import learn_file
from streamsim.simulator.standins.in_memory import InMemory
from streamsim.streams.asking import Client, ask_third_party
from streamsim.streams.privacy.edge import pseudonymised
from streamsim.streams.privacy.keys import INVENTED, privacy_key
from streamsim.streams.settings import Settings
from streamsim.streams.spec import DomainSpec, SourceSpec
from streamsim.streams.spec.input_maps import TableMap
from streamsim.streams.spec.third_parties import ThirdPartySpec
from streamsim.streams.spec.world import Slice


def check_database(specs: Iterable[DomainSpec], settings: Settings) -> None:
    """Refuse a database that the domains' producers could not write to.

    Raises
    ------
    SourceError
        If it cannot be reached, or has tables of another's.
    """
    tables = [table for spec in specs for table in spec.inputs.databases]
    if tables and settings.database_url:
        from streamsim.producers.upsert import must_be_free

        for table in tables:
            must_be_free(settings.database_url, table)


@dataclass(slots=True)
class Reach:
    """The systems that a producer reaches: real ones, or stand-ins in this process.

    Parameters
    ----------
    settings
        Addresses of the database and the third parties, and the key of pseudonyms. Without it, a
        world's context is passed on unchanged, third parties are in this process, and pseudonyms
        use the key of invented persons.
    folder
        Folder of the replayed files, which may hold a table or the facts of a third party.
    """

    settings: Settings | None = None
    folder: Path | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    def with_context(self, spec: DomainSpec, slices: Iterable[Slice]) -> Iterator[Slice]:
        """Add the context to a domain's slices; close the connections when they end."""
        with self._open:
            for table in spec.inputs.databases:
                slices = self._with_table(table, spec.source(table.source), slices)
            for party in spec.inputs.third_parties:
                slices = ask_third_party(spec, party, slices, self._client(party))
            slices = spec.inputs.collect(slices)
            if spec.inputs.pseudonyms:
                slices = pseudonymised(spec.inputs, slices, self._key())
            yield from slices

    def _with_table(
        self, table: TableMap, source: SourceSpec, slices: Iterable[Slice]
    ) -> Iterable[Slice]:
        """Let a table's changes go through a database, if there is one."""
        file = self._file(f"{table.table}.sqlite")
        url = "" if self.settings is None else self.settings.database_url
        if file is None and not url:
            return slices
        # Imported here: most producers reach no database, and SQLAlchemy takes long to import.
        from streamsim.producers.connect import is_sqlite, sqlite_url
        from streamsim.producers.database import ChangePoller
        from streamsim.producers.tables import through_table, with_changes
        from streamsim.producers.upsert import UpsertTable

        if file is not None and is_sqlite(file):
            poller = ChangePoller(sqlite_url(file), table)
            self._open.callback(poller.close)
            return with_changes(slices, poller, source)
        if not url:
            return slices
        writer = UpsertTable(url, table)
        writer.begin()
        poller = ChangePoller(url, table)
        self._open.callback(writer.leave)
        self._open.callback(poller.close)
        return through_table(slices, table, source, writer, poller)

    def _key(self) -> bytes:
        return INVENTED if self.settings is None else privacy_key(self.settings)

    def _client(self, party: ThirdPartySpec) -> Client:
        settings = self.settings
        if settings is not None and (url := settings.of(party.url)):
            from streamsim.producers.http_client.http_party import HttpParty

            token = settings.of(party.token) or settings.token
            key, wait_s = settings.of(party.key), settings.of(party.wait)
            client = HttpParty(party, url, key, token, wait_s)
            self._open.callback(client.close)
            return client
        standin = party.standin.begin()
        if (file := self._file(party.standin.file)) is not None:
            learn_file(standin, party.standin, file)
        return InMemory(party, standin)

    def _file(self, name: str) -> Path | None:
        if self.folder is None or not self.folder.is_dir():
            return None
        path = self.folder / name
        return path if path.is_file() else None
