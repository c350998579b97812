"""Objects of a JSON array, or one after the other, cut out of a file that may be of any size."""

from __future__ import annotations

import re
from collections.abc import Iterator


class JsonCutter:
    r"""Cuts bytes of an array, or of objects one after the other, into the objects.

    Other values between the objects are rows too, so that nothing is dropped silently.

    Parameters
    ----------
    longest
        Longest row (bytes); of a longer one only the beginning is kept, and the next row is looked
        for at the next object that begins a line.

    Examples
    --------
    >>> cutter = JsonCutter(100)
    >>> list(cutter.feed(b'[{"a": "}"},\n 7, {"b')), list(cutter.feed(b'": [{}]}]'))
    ([(1, b'{"a": "}"}'), (2, b'7')], [(2, b'{"b": [{}]}')])
    >>> list(cutter.end())
    []
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = b""
        self._depth = 0
        self._base = 0
        """Depth of the rows: 1 within an array."""
        self._line = 1
        self._looked = 0
        self._begin = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Add bytes; yield the rows that are complete, each with the number of its line."""
        self._rest += data
        while token := _TOKEN.search(self._rest, self._looked):
            sign = token[0]
            if sign == b'"':  # a text whose end is still to come
                self._looked = token.start()
                break
            self._looked = token.end()
            if sign in (b"{", b"["):
                if self._depth == self._base == 0 and sign == b"[":
                    yield from self._between(token.start())
                    self._base, self._begin = 1, token.end()
                elif self._depth == self._base and sign == b"{":
                    yield from self._between(token.start())
                self._depth += 1
            elif sign in (b"}", b"]"):
                self._depth = max(0, self._depth - 1)
                if self._depth < self._base:
                    yield from self._between(token.start())
                    self._base, self._begin = 0, token.end()
                elif self._depth == self._base:
                    yield self._row(token.end())
        else:
            self._looked = len(self._rest)
        if len(self._rest) - self._begin > self._longest:
            yield from self._give_up()
        self._line += self._rest.count(b"\n", 0, self._begin)
        self._rest, self._looked = self._rest[self._begin :], self._looked - self._begin
        self._begin = 0

    def end(self) -> Iterator[tuple[int, bytes]]:
        """Yield what is left as a row."""
        yield from self._between(len(self._rest))
        self._rest, self._looked, self._begin = b"", 0, 0

    def _row(self, end: int) -> tuple[int, bytes]:
        data = self._rest[self._begin : end]
        line = self._line + self._rest.count(b"\n", 0, self._begin)
        self._begin = end
        row = data.lstrip()
        line += data[: len(data) - len(row)].count(b"\n")
        return line, row[: self._longest]

    def _between(self, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield what is neither an object nor a separator; the next row begins at ``end``."""
        data = self._rest[self._begin : end]
        if left := data.strip(b" \t\r\n,\x1e\xef\xbb\xbf"):
            line = self._line + self._rest.count(b"\n", 0, self._begin)
            yield line + data[: data.index(left)].count(b"\n"), left[: self._longest]
        self._begin = end

    def _give_up(self) -> Iterator[tuple[int, bytes]]:
        """Yield the beginning of a row that is too long, and look for the next one."""
        again = _AGAIN.search(self._rest, self._begin + self._longest)
        end = again.end() - 1 if again else len(self._rest)
        yield self._row(end)
        self._depth, self._looked = self._base, end


_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]"]', re.DOTALL)
_AGAIN = re.compile(rb"\n\s*\{")
