"""Bytes of a file: opened, unpacked if they are packed, and named if they are no table.

Content decides, not the name: a file packed by gzip, bzip2 or xz is unpacked under any name.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from streamsim.streams.errors import SourceError

HEAD = 1 << 16
"""How many bytes at the beginning of a file decide what it is."""
PACKED_ERRORS = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
"""What a packed file raises that is damaged or cut off."""
_PACKERS = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)
PACKED_SUFFIXES = (".gz", ".bz2", ".xz")
_FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls): save it as CSV"),
    (b"SQLite format 3\x00", "an SQLite database: give its address, sqlite:///FILE"),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard: unpack it first"),
    (b"\x04\x22\x4d\x18", "packed by LZ4: unpack it first"),
    (b"\xff\x06\x00\x00sNaPpY", "packed by Snappy: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"ORC", "an ORC file: save it as Parquet"),
    (b"Obj\x01", "an Avro file: save it as Parquet or JSON Lines"),
    (b"ARROW1", "a Feather file (Arrow IPC): save it as Parquet"),
    (b"FEA1", "a Feather file: save it as Parquet"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file: save it as Parquet"),
    (b"%PDF-", "a PDF document"),
    (b"{\\rtf", "a document in RTF"),
    (b"\x80\x02", "a Python pickle: it could run any program, so it is not opened"),
    (b"\x80\x03", "a Python pickle: it could run any program, so it is not opened"),
    (b"\x80\x04", "a Python pickle: it could run any program, so it is not opened"),
    (b"\x80\x05", "a Python pickle: it could run any program, so it is not opened"),
    (b"<stata_dta>", "a Stata file: save it as CSV"),
    (b"$FL2", "an SPSS file: save it as CSV"),
    (b"PGDMP", "a dump of PostgreSQL: restore it, and give the database's address"),
    (b"\x93NUMPY", "a NumPy array: save it as CSV"),
)
_WORKBOOK = "an Excel workbook (.xlsx): save the sheet as CSV"


def foreign(head: bytes) -> str | None:
    r"""Say what a file is that is no table, by its first bytes; ``None`` if it may be one.

    >>> foreign(b"SQLite format 3\x00..."), foreign(b"a,b")
    ('an SQLite database: give its address, sqlite:///FILE', None)
    """
    if head.startswith(b"PK\x03\x04") and (b"[Content_Types].xml" in head or b"xl/" in head):
        return _WORKBOOK
    if head[257:262] == b"ustar":
        return "a tar archive: unpack it first"
    text = head[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page (HTML): the download may have asked for a login"
    if text.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS, not the file itself: git lfs pull"
    return next((what for mark, what in _FOREIGN if head.startswith(mark)), None)


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """Return a file's bytes unpacked; the file must be at its beginning and able to seek."""
    head = file.read(8)
    file.seek(0)
    for mark, opener in _PACKERS:
        if head.startswith(mark):
            return cast(IO[bytes], opener(file, "rb"))
    return file


@contextmanager
def opened(source: Path | IO[bytes]) -> Iterator[IO[bytes]]:
    """Open a file at its beginning, unpacked; an open file is not closed afterwards.

    Raises
    ------
    SourceError
        If the file cannot be opened, is of a kind that is no table, or its packing is damaged; in
        one line that begins with the file's name.
    """
    name = name_of(source)
    try:
        if isinstance(source, Path):
            _must_end(source)
            with source.open("rb") as file, _checked(unpacked(file)) as inside:
                yield inside
        else:
            source.seek(0)
            yield _checked(unpacked(source))
    except _Foreign as error:
        raise SourceError(f"{name}: {error}") from None
    except PACKED_ERRORS as error:
        raise SourceError(f"{name}: packed, and damaged or cut off ({error})") from None
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror or error}") from None


def _must_end(path: Path) -> None:
    """Refuse a pipe or a device: it may never end, and a source is read more than once."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise _Foreign("a pipe or a device; write what it holds to a file, and give that")


class _Foreign(Exception):
    """What a file is that is no table."""


def _checked(file: IO[bytes]) -> IO[bytes]:
    if what := foreign(peek(file)):
        raise _Foreign(what)
    return file


def peek(file: IO[bytes], size: int = HEAD) -> bytes:
    """Return the first bytes of a file that is at its beginning, and stay there."""
    head = file.read(size)
    file.seek(0)
    return head


def name_of(source: Path | IO[bytes]) -> str:
    """Return what to call a source in a message: a path as it was given, an open file's name."""
    if isinstance(source, Path):
        return str(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "source"


def seekable(source: IO[bytes], longest: int) -> IO[bytes]:
    """Return an open file that can seek: itself, or its bytes in memory, ``longest`` at most.

    Raises
    ------
    SourceError
        If it holds text instead of bytes, or more than ``longest`` bytes and cannot seek.
    """
    if isinstance(source.read(0), str):
        raise SourceError(f"{name_of(source)}: opened as text; open it in binary mode ('rb')")
    if source.seekable():
        return source
    data = source.read(longest + 1)
    if len(data) > longest:
        raise SourceError(f"{name_of(source)}: larger than {longest >> 20} MiB")
    found = io.BytesIO(data)
    found.name = name_of(source)
    return found
