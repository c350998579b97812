"""A customer database for the tests: its table, the source that it is, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from streamsim.consumers.clean.cleaner import decode
from streamsim.consumers.collect.records import collect
from streamsim.producers.changes import Change
from streamsim.producers.database import ChangePoller
from streamsim.streams.events import SOURCE_TIME, Records
from streamsim.streams.spec import Field, Kind, Role, SourceSpec
from streamsim.streams.spec.input_maps import TableMap
from streamsim.streams.spec.world import Emission

TABLE = TableMap(
    source="customers",
    table="customers",
    columns={"age": "age", "household_size": "household_size", "kids": "kids_count"},
    key="household_id",
)
SOURCE = SourceSpec(
    name="customers",
    role=Role.CONTEXT,
    key="household_id",
    fields=(
        Field("household_id", Kind.STRING, "the household"),
        Field("age", Kind.STRING, "group of ages", required=False),
        Field("household_size", Kind.STRING, "how many live there", required=False),
        Field("kids", Kind.STRING, "how many children", required=False),
    ),
    help="changes of households",
)


def sqlite_file(path: Path) -> str:
    return f"sqlite:///{path / 'customers.db'}"


def everything(poller: ChangePoller) -> list[Change]:
    """Poll until there is nothing new."""
    found: list[Change] = []
    while news := poller.poll():
        found += news
        assert len(found) < 10_000, "the same again and again"
    return found


def contents(url: str, *columns: str) -> dict[str, tuple[Any, ...]]:
    """Read what is in the table: the columns of each key."""
    names = ", ".join(("household_id", *columns))
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"SELECT {names} FROM customers").all()
    engine.dispose()
    return {str(key): tuple(rest) for key, *rest in rows}


def do(url: str, *statements: str) -> None:
    """Do something to the database in one transaction, as somebody else would."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def cleaned(emission: Emission, source: SourceSpec = SOURCE) -> tuple[list[Any], list[str]]:
    """Return the events that the cleaner makes of it, as dicts, and the reasons of the dead."""
    n = len(emission)
    records = Records(
        source.name,
        np.zeros(n, np.int64),
        np.arange(n),
        emission.event_time.clip(0).tolist(),
        emission.keys,
        emission.values,
        [[(SOURCE_TIME, b"%013d" % time)] for time in emission.clock.tolist()],
    )
    events, _, dead = decode(collect(records), source)
    names = list(events.columns)
    good = [
        {name: events.columns[name][i] for name in names}
        | {"event_id": events.event_id[i], "event_time": int(events.event_time[i])}
        for i in range(len(events))
    ]
    return good, [one.reason for one in dead]
