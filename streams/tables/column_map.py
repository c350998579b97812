"""Column maps: a TOML file says which columns of a file are which fields of a domain's events.

A map is what a feed's table or a domain's own kind of file is, for those who write no code. It says
names, formats, constants, and which rows are labels.
"""

from __future__ import annotations

import codecs
import re
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsim.streams.codec import parse_times
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.formats import Instants, Money, Number
from streamsim.streams.spec import DAY, HOUR, SECOND, Field, Inputs, Kind, Role
from streamsim.streams.spec.input_maps import Dialect, FileMap
from streamsim.streams.tables.mapped_fields import MappedField, MappedSource

if TYPE_CHECKING:
    import pandas as pd

_UNITS = {"ms": 1, "seconds": SECOND, "hours": HOUR, "days": DAY}
_OF_FIELD = frozenset(
    ("column", "columns", "join", "prefix", "value", "row", "format", "zone", "unit", "since",
     "plus_days", "money", "decimal", "thousands", "words", "times")
)  # fmt: skip
_OF_SOURCE = frozenset(("name", "where", "fields"))
_OF_FILE = frozenset(
    ("name", "delimiter", "encoding", "row", "at", "missing", "order", "columns", "files", "lines")
)
_ID = Field("event_id", Kind.STRING, "unique per source")
_TIME = Field("event_time", Kind.TIME, "when it happened")


def read_column_map(path: Path, inputs: Inputs, delay: int | None = None) -> FileMap:
    """Read a column map.

    Parameters
    ----------
    inputs
        The domain's sources, whose fields it fills.
    delay
        Longest time after an event at which its label counts (ms).

    Raises
    ------
    UsageError
        If it cannot be read, or names what the domain or the format does not have; in a line that
        begins with the file's name.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        return _file_map(told, path.stem, inputs, delay)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML ({error})") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _file_map(told: dict[str, Any], name: str, inputs: Inputs, delay: int | None = None) -> FileMap:
    _check(told, {"file", "source", "fields"}, "the map")
    file = _table(told.get("file", {}), "file")
    _check(file, _OF_FILE, "[file]")
    if "lines" in file and "columns" not in file:
        raise UsageError("lines describes a file without a header, so say its columns, too")
    sources = told.get("source", [])
    if "fields" in told:
        sources = [{"name": inputs.trigger.name, "fields": told["fields"]}, *sources]
    if not isinstance(sources, list) or not sources:
        raise UsageError("it has no [fields], so no event could be made")
    mapped = [_source(_table(own, "source"), inputs) for own in sources]
    if mapped[0].name != inputs.trigger.name:
        raise UsageError(f"the first source must be {inputs.trigger.name}, which is scored")
    for source in mapped:
        _check_delay(source, inputs, delay)
    order, sorts = _order(file.get("order", ""))
    required, optional = _columns(mapped, sorts)
    return FileMap(
        name=str(file.get("name", name)),
        columns=required,
        convert=partial(_convert, tuple(mapped)),
        optional=optional,
        dialect=Dialect(
            encoding=_encoding(str(file.get("encoding", "utf-8"))),
            delimiter=str(file.get("delimiter", "")),
            row=str(file.get("row", "row")),
            names=tuple(map(str, file.get("columns", ()))),
            lines=_pattern(file.get("lines", "")),
            at=str(file.get("at", "")),
            missing=frozenset(map(str, file.get("missing", ()))),
        ),
        order=order,
        files=str(file.get("files", "")).lower(),
        written={f.spec.name: f.columns[0] for f in mapped[0].fields if len(f.columns) == 1},
    )


def _convert(mapped: tuple[MappedSource, ...], frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    return {source.name: source.read(frame) for source in mapped}


def _check_delay(source: MappedSource, inputs: Inputs, delay: int | None) -> None:
    """Refuse labels that come before their events, or later than labels count."""
    if delay is None or inputs.source(source.name).role is not Role.LABEL:
        return
    plus = next((own.plus for own in source.fields if own.spec.name == _TIME.name), 0)
    if not 0 <= plus <= delay:
        raise UsageError(
            f"plus_days of {source.name} is {plus / DAY:g}, but a label counts up to "
            f"{delay / DAY:g} days after its event"
        )


def _format(pattern: str) -> str:
    """Return a pattern of ``strptime``; a text that fits none shows whether it is one."""
    try:
        time.strptime("", pattern)
    except ValueError as error:
        if "does not match" not in str(error):
            raise UsageError(f"no format of times {pattern!r} ({error})") from None
    return pattern


def _encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise UsageError(f"no encoding {name!r}") from None


def _order(told: Any) -> tuple[str | Callable[[pd.DataFrame], pd.Series], tuple[str, ...]]:
    """Return what rows are sorted by, and the columns that it is read from."""
    if isinstance(told, dict):
        by = _field(_TIME, told)
        return by.read, by.needs
    if not isinstance(told, str):
        raise UsageError(f"order is a column, or a time as event_time is written, not {told!r}")
    return told, (told,) if told else ()


def _columns(
    mapped: list[MappedSource], order: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that a file must have, and those that it may lack."""
    required: dict[str, None] = dict.fromkeys(order)
    optional: dict[str, None] = {}
    for place, source in enumerate(mapped):
        optional |= dict.fromkeys(source.where)
        for own in source.fields:
            (required if own.spec.required and place == 0 else optional).update(
                dict.fromkeys(own.needs)
            )
    return tuple(required), tuple(name for name in optional if name not in required)


def _source(told: dict[str, Any], inputs: Inputs) -> MappedSource:
    name = str(told.get("name", inputs.trigger.name))
    _check(told, _OF_SOURCE, f"source {name}")
    known = {source.name: source for source in inputs.sources}
    if name not in known:
        raise UsageError(f"no source {name!r}; there are {', '.join(known)}")
    spec = known[name]
    fields = {own.name: own for own in (_ID, _TIME, *spec.fields)}
    given = _table(told.get("fields", {}), f"fields of {name}")
    _check(given, fields, f"the fields of {name}")
    if lacking := [f.name for f in fields.values() if f.required and f.name not in given]:
        raise UsageError(f"{name} lacks {', '.join(lacking)}")
    where = {str(k): str(v) for k, v in _table(told.get("where", {}), "where").items()}
    mapped = tuple(_field(fields[key], value) for key, value in given.items())
    return MappedSource(name, mapped, where)


def _field(spec: Field, told: Any) -> MappedField:
    if isinstance(told, str):
        return MappedField(spec, (told,))
    told = _table(told, spec.name)
    _check(told, _OF_FIELD, spec.name)
    columns = tuple(map(str, told.get("columns", [told["column"]] if "column" in told else ())))
    if not columns and "value" not in told and not told.get("row"):
        raise UsageError(f"{spec.name} has neither a column, a value, nor row = true")
    unit = told.get("unit", "")
    if unit and unit not in _UNITS:
        raise UsageError(f"{spec.name}: no unit {unit!r}; there are {', '.join(_UNITS)}")
    since = int(parse_times([told["since"]])[0]) if "since" in told else 0
    if since == NO_TIME:
        raise UsageError(f"{spec.name}: since is an instant like 2025-01-01T00:00:00Z")
    money = told.get("money")
    return MappedField(
        spec,
        columns,
        str(told.get("join", "-")),
        str(told.get("prefix", "")),
        told.get("value"),
        bool(told.get("row", False)),
        {str(k): str(v) for k, v in _table(told.get("words", {}), "words").items()},
        Instants(_format(str(told.get("format", ""))), str(told.get("zone", "UTC"))),
        _UNITS.get(unit, 0),
        since,
        round(float(told.get("plus_days", 0)) * DAY),
        None if not money else _money("" if money is True else str(money), told),
        Number(str(told.get("decimal", ".")), str(told.get("thousands", ""))),
        _times(spec, told),
    )


def _times(spec: Field, told: Mapping[str, Any]) -> str:
    if "times" in told and spec.kind not in (Kind.INTEGER, Kind.NUMBER):
        raise UsageError(f"{spec.name} is no number: it has no times")
    return str(told.get("times", ""))


def _pattern(told: Any) -> str:
    try:
        return re.compile(str(told)).pattern
    except re.error as error:
        raise UsageError(f"lines is no regular expression: {error}") from None


def _money(symbol: str, told: Mapping[str, Any]) -> Money:
    return Money(symbol, str(told.get("thousands", "")), str(told.get("decimal", ".")))


def _table(told: Any, what: str) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise UsageError(f"{what} is a table, not {told!r}")
    return told


def _check(told: Mapping[str, Any], known: Any, what: str) -> None:
    if unknown := [name for name in told if name not in known]:
        raise UsageError(
            f"{what} has no {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        )


def maps_in(folder: Path, inputs: Inputs) -> tuple[FileMap, ...]:
    """Return the column maps of a folder, by name."""
    return tuple(read_column_map(path, inputs) for path in sorted(folder.glob("*.toml")))
