r"""Lines of a text file of any encoding and any line ends, as bytes of UTF-8.

A byte order mark decides the encoding. UTF-16 and UTF-32 are recoded while they are read; a file
whose lines end with a carriage return alone is read as if they ended with ``\n``.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import IO, cast

from streamsim.streams.errors import SourceError

MAX_LINE = 4 << 20
"""Most bytes kept of a line, or row of XML or JSON; a longer one is dead anyway."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks; the longer ones are first, as UTF-32's begins with UTF-16's."""
_WIDE = frozenset(
    codecs.lookup(n).name
    for n in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
)


def marked_encoding(head: bytes) -> tuple[str, int]:
    """Return the encoding that a byte order mark names, and its length; empty without one.

    >>> marked_encoding("a".encode("utf-16")), marked_encoding(b"a")
    (('utf-16-le', 2), ('', 0))
    """
    found = next(((name, len(mark)) for mark, name in _MARKS if head.startswith(mark)), None)
    return found or ("", 0)


def text_file(file: IO[bytes], head: bytes, encoding: str = "") -> tuple[IO[bytes], str]:
    r"""Return a file of lines that end with ``\n``, without its mark, and their encoding.

    Parameters
    ----------
    file
        A file at its beginning.
    head
        Its first bytes.
    encoding
        The declared encoding; a mark in the file overrules it.

    Raises
    ------
    SourceError
        If the text looks like UTF-16 without a mark, which cannot be known for certain.
    """
    found, skip = marked_encoding(head)
    name = found or codecs.lookup(encoding or "utf-8").name
    if name == "utf-8-sig":
        name = "utf-8"
    if name not in _WIDE and not found and _looks_wide(head):
        raise SourceError("looks like UTF-16 without a byte order mark; say encoding='utf-16-le'")
    file.seek(skip)
    if name in _WIDE:
        file = cast(IO[bytes], io.BufferedReader(_Recoded(file, name)))
        head, name = head[skip:].decode(name, "replace").encode(), "utf-8"
    if b"\r" in head and b"\n" not in head:
        file = cast(IO[bytes], io.BufferedReader(_LineFeeds(file)))
    return file, name


def _looks_wide(head: bytes) -> bool:
    """Say whether every other byte is zero nearly throughout."""
    pair = head[:2000]
    zeros = (pair[::2].count(0), pair[1::2].count(0))
    return len(pair) >= 8 and max(zeros) * 10 > len(pair) * 4 and min(zeros) * 20 < len(pair)


class _Recoded(io.RawIOBase):
    """A file of another encoding, read as UTF-8; a lone surrogate stays one, and is no UTF-8."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            data = self._file.read(len(buffer))
            try:
                text = self._decoder.decode(data, not data)
            except UnicodeDecodeError:  # half a character at the end
                text = "\ufffd"
            self._left = text.encode("utf-8", "surrogatepass")
            if not data:
                break
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


class _LineFeeds(io.RawIOBase):
    """A file in which a carriage return is read as the end of a line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer)).replace(b"\r", b"\n")
        buffer[: len(data)] = data
        return len(data)


def limited_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield lines without their line ends; of an over-long line only the beginning."""
    while line := file.readline(MAX_LINE):
        if not line.endswith(b"\n") and len(line) == MAX_LINE:
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
        yield line.rstrip(b"\r\n")


def numbered_chunks(
    file: IO[bytes], first: int, rows: int
) -> Iterator[tuple[list[bytes], list[int]]]:
    r"""Yield lines that are not blank, ``rows`` at a time, with the number of each.

    >>> list(numbered_chunks(io.BytesIO(b"a\n\nb\n"), 2, 8))
    [([b'a', b'b'], [2, 4])]
    """
    lines: list[bytes] = []
    numbers: list[int] = []
    for number, line in enumerate(limited_lines(file), first):
        if not line or line.isspace():
            continue
        lines.append(line)
        numbers.append(number)
        if len(lines) >= rows:
            yield lines, numbers
            lines, numbers = [], []
    if lines:
        yield lines, numbers
