"""Files of known kinds at a path: each is recognised by its columns."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from streamsim.streams.errors import SourceError
from streamsim.streams.spec import Inputs
from streamsim.streams.spec.input_maps import FileMap
from streamsim.streams.tables.opening import open_table

log = logging.getLogger(__name__)
_COLUMNS = 12
"""Most columns that a message names."""


def find_files(inputs: Inputs, path: Path) -> list[tuple[Path, FileMap]]:
    """Find the files of known kinds at a path: the file itself, or those in a folder.

    A folder's own folders are looked through as well. Files whose names begin with a point or an
    underscore are left out, as are those whose ending is that of no table. Any other file of a
    folder that is not read is named in the log.

    Raises
    ------
    SourceError
        If there are none; the message says what the files have, and what the known kinds need.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder")
    candidates = _within(path) if path.is_dir() else [path]
    found: list[tuple[Path, FileMap]] = []
    unread: dict[Path, str] = {}
    for candidate in candidates:
        try:
            found.append((candidate, _kind_of(inputs, candidate)))
        except SourceError as error:
            unread[candidate] = str(error)
            if not path.is_dir():
                raise
    if not found:
        why = next(iter(unread.values()), f"{path}: no file of a kind that is read")
        more = f" (and {len(unread) - 1} more files)" if len(unread) > 1 else ""
        raise SourceError(f"{why}{more}")
    for why in unread.values():
        log.warning("not read: %s", why)
    return found


_ENDINGS = frozenset(
    (".csv", ".tsv", ".txt", ".dat", ".data", ".inter", ".parquet", ".json", ".jsonl", ".ndjson",
     ".xml")
)  # fmt: skip


_PACKED = (".gz", ".bz2", ".xz")


def without_ending(name: str) -> str:
    """Return a file's name without the ending that says its format.

    >>> without_ending("car1/log.2025-03-15.csv.gz"), without_ending("README")
    ('car1/log.2025-03-15', 'README')
    """
    for endings in (_PACKED, _ENDINGS):
        stem, dot, ending = name.rpartition(".")
        if dot and stem and f".{ending.lower()}" in endings:
            name = stem
    return name


def names_of(files: Sequence[Path], source: Path) -> list[str]:
    """Return what tells several files of a source apart: their paths in it, without endings.

    A single file needs no name: it is empty.
    """
    if len(files) < 2:
        return [""] * len(files)
    whole = [str(file.relative_to(source)) for file in files]
    short = [without_ending(name) for name in whole]
    return [name if short.count(name) == 1 else own for name, own in zip(short, whole, strict=True)]


def _within(folder: Path) -> list[Path]:
    """Return the files of a folder that may be tables."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        endings = {ending.lower() for ending in path.suffixes}
        if not hidden and endings & _ENDINGS and path.stat().st_size:
            found.append(path)
    return found


def _kind_of(inputs: Inputs, path: Path) -> FileMap:
    """Return the kind of a file, by its columns."""
    names: dict[str, None] = {}
    line = 0
    for kind in inputs.files:
        if kind.files and not fnmatch(path.name.lower(), kind.files):
            continue
        table = open_table(path, kind.dialect, kind.columns_are_in)
        if kind.columns_are_in(set(table.names)):
            if kind.refused:
                raise SourceError(f"{path}: {kind.name}: {kind.refused}")
            twice = set(table.heading.twice if table.heading else ()) & set(kind.columns)
            lacking = [name for name in kind.optional if name not in table.names]
            if lacking and kind.strict and table.fixed:
                raise SourceError(
                    f"{path}: the column map names {', '.join(lacking)}, which the file lacks; its "
                    f"columns are {', '.join(table.names[:_COLUMNS])}"
                )
            if twice:
                raise SourceError(f"{path}: two columns are called {', '.join(sorted(twice))}")
            if table.note:
                log.warning("%s: %s", path, table.note)
            return kind
        if not kind.dialect.names:
            names |= dict.fromkeys(table.names)
            line = table.heading.line if table.heading else 0
    raise SourceError(_unknown(inputs, path, list(names), line))


def _unknown(inputs: Inputs, path: Path, names: list[str], line: int) -> str:
    """Say what a file has that is of no known kind, and what the nearest kinds lack."""
    shown = ", ".join(names[:_COLUMNS]) + (", ..." if len(names) > _COLUMNS else "")
    where = f" (line {line})" if line > 1 else ""
    lacking = {
        kind.name: [name for name in kind.columns if name not in names]
        for kind in inputs.files
        if not kind.files and not kind.refused and not kind.dialect.names
    }
    nearest = sorted(lacking, key=lambda name: len(lacking[name]))[:2]
    needs = "; ".join(f"{name} lacks {', '.join(lacking[name][:_COLUMNS])}" for name in nearest)
    needs = needs or "its first lines are not as the column map says"
    has = f"its columns{where} are {shown}" if names else "it has no columns that are read"
    how = "say which column is which field with --columns"
    return f"{path}: {has}; that is no kind of file that is known here: {needs}; {how}"
