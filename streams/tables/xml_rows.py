"""Rows of XML: each is cut out at its element's tags and parsed by itself.

So a malformed row affects no other, memory is bounded by the longest row, and its bytes are known.
Namespaces are left out of the names: ``<p:age>`` is the column ``age``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from streamsim.streams.tables.nested import DEEPEST

_CHARSETS = re.compile(
    r"(?i)utf-?8|(us-)?ascii|iso-?8859-?\d{1,2}|latin-?1|windows-125\d|cp125\d|cp437|cp850"
)
"""Accepted encodings of a document. Python has more, of which some are extremely slow."""


def cells(element: Any) -> dict[str, str | None]:
    """Return an element's attributes and children by path: ``line.no`` is ``no=`` of ``<line>``.

    What comes several times under one path is a JSON array, as in a row of JSON. An element that
    has nothing but a text is a column of its own name.
    """
    found: dict[str, str | None] = {local(n): value for n, value in element.attrib.items()}
    several: dict[str, list[str | None]] = {}
    if len(element):
        _add_children(found, several, element, "", 1)
    elif element.text and element.text.strip():
        found.setdefault(local(element.tag), element.text)
    for path, values in several.items():
        found[path] = orjson.dumps(values).decode()
    return found


def local(tag: str) -> str:
    """Return a name without its namespace.

    >>> local("{urn:pos}person"), local("person")
    ('person', 'person')
    """
    return tag[tag.rfind("}") + 1 :]


def _add_children(
    found: dict[str, str | None],
    several: dict[str, list[str | None]],
    element: Any,
    before: str,
    depth: int,
) -> None:
    for child in element:
        text, attributes, path = child.text, child.attrib, before + local(child.tag)
        if (text and text.strip()) or not (len(child) or attributes):
            _put(found, several, path, text)
        if depth < DEEPEST:
            for name, value in attributes.items():
                _put(found, several, f"{path}.{local(name)}", value)
            if len(child):
                _add_children(found, several, child, f"{path}.", depth + 1)


def _put(
    found: dict[str, str | None],
    several: dict[str, list[str | None]],
    path: str,
    value: str | None,
) -> None:
    if path in found:
        several.setdefault(path, [found[path]]).append(value)
    else:
        found[path] = value


def parse_elements(rows: Sequence[bytes], encoding: str) -> list[dict[str, str | None] | None]:
    r"""Parse rows of XML, each one element; ``None`` for any other row.

    A document type is refused, and so is every entity but the five of XML itself. A prefix needs no
    declaration: it stands on the root, which is no part of the row.

    >>> parse_elements([b'<s no="1"><p:when>now</p:when></s>', b"<s>", b"<s>&x;</s>"], "utf-8")
    [{'no': '1', 'when': 'now'}, None, None]
    """
    texts = [_decoded(row, encoding) for row in rows]
    # Parse all rows at once, if each is one element: a row may have closed the one around it.
    whole = None if None in texts else _parsed_within(texts)  # type: ignore[arg-type]
    if whole is not None and len(whole) == len(rows):
        return [cells(element) for element in whole]
    single = (None if text is None else _parsed_within([text]) for text in texts)
    return [cells(own[0]) if own is not None and len(own) == 1 else None for own in single]


def fault_of(row: bytes) -> str:
    """Return why a row of XML could not be parsed.

    >>> fault_of(b"<s>&who;</s>"), fault_of(b"<s>")
    ("the entity &who; is not read: only XML's own are", 'not XML')
    """
    if row.lstrip().startswith(b"<!DOCTYPE"):
        return "a document type, which is not read"
    found = _ENTITY.search(row)
    if found is None:
        return "not XML"
    return f"the entity {found[0].decode('ascii', 'replace')[:50]} is not read: only XML's own are"


_ENTITY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9A-Fa-f]+);)[A-Za-z_][\w.-]*;")


def _parsed_within(texts: Sequence[str]) -> Any:
    """Parse elements within one that declares their prefixes; ``None`` if there is other text."""
    joined = "".join(texts)
    prefixes = set(_PREFIX.findall(joined)) - {"xml", "xmlns"} if ":" in joined else ()
    declared = "".join(f' xmlns:{prefix}="{prefix}"' for prefix in sorted(prefixes))
    whole = _parsed(f"<rows{declared}>{joined}</rows>")
    return None if whole is None or _between(whole) else whole


_PREFIX = re.compile(r"[<\s/]([A-Za-z_][\w.-]*):[A-Za-z_][\w.-]*[\s=/>]", re.ASCII)


def _parsed(text: str) -> Any:
    """Parse an element; return ``None`` for any other text, or one that declares a type."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        return fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return None


def _decoded(row: bytes, encoding: str) -> str | None:
    if not _CHARSETS.fullmatch(encoding):
        return None
    try:
        return row.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _between(whole: Any) -> bool:
    """Return whether there is text between the rows."""
    return any((text or "").strip() for text in (whole.text, *(row.tail for row in whole)))


def declared_encoding(head: bytes) -> str:
    """Return the encoding that an XML document declares.

    >>> declared_encoding(b'<?xml version="1.0" encoding="cp1252"?>'), declared_encoding(b"<a>")
    ('cp1252', 'utf-8')
    """
    found = re.match(rb"(?:\xef\xbb\xbf)?<\?xml[^>]*encoding=[\"']([A-Za-z0-9._-]+)[\"']", head)
    return found[1].decode() if found else "utf-8"


class Cutter:
    """Cuts a stream of bytes into the elements of one name.

    A row ends with its closing tag, or where the next one begins. Other bytes between rows, except
    blanks and the document's own tags, are rows too, so that nothing is dropped silently. A ``/>``
    within an attribute's value is taken for the end of the tag.

    Parameters
    ----------
    name
        Name of the element that is a row.
    longest
        Longest row (bytes); of a longer one only the beginning is kept.

    Examples
    --------
    >>> cutter = Cutter("s", 100)
    >>> list(cutter.feed(b"<log>  <s>1</s> <s>2<s>3</")), list(cutter.feed(b"s> x </log>"))
    ([b'<s>1</s>', b'<s>2'], [b'<s>3</s>'])
    >>> list(cutter.end())
    [b'x']
    """

    def __init__(self, name: str, longest: int) -> None:
        tag = rb"(?:[A-Za-z_][\w.-]{0,60}:)?" + re.escape(name.encode())
        self._edge = re.compile(rb"<" + tag + rb"(?=[\s/>])|</" + tag + rb"\s*>")
        self._opening = re.compile(rb"[^<>]*?(/>|>|<)")
        self._longest = longest
        self._tail = len(name.encode()) + 80  # a tag may be cut in two by that much
        self._rest = b""
        self._inside = False
        """Whether the buffered bytes begin with a row's opening tag."""
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add bytes; yield the rows that are complete."""
        rest, begin, look = self._rest + data, 0, self._searched
        while edge := self._edge.search(rest, look):
            look = edge.end()
            opens = not edge[0].startswith(b"</")
            if self._inside:
                end = edge.start() if opens else edge.end()
                yield rest[begin : min(end, begin + self._longest)]
                begin, look, self._inside = end, end, False
            elif not opens:  # of no row
                yield from self._between(rest[begin : edge.start()])
                yield edge[0]
                begin = look
            elif tag := self._opening.match(rest, edge.end()):
                yield from self._between(rest[begin : edge.start()])
                begin, look = edge.start(), tag.end()
                if tag[1] == b"/>":
                    yield rest[begin:look]
                    begin = look
                else:
                    self._inside, look = True, tag.start(1)
            else:  # its opening tag is still to come
                look = edge.start()
                break
        else:
            look = max(look, len(rest) - self._tail)
        rest, look = rest[begin:], look - begin
        if len(rest) > self._longest + 2 * self._tail:
            # The row is too long: keep its beginning and skip the rest.
            rest = rest[: self._longest] + rest[-self._tail :]
            look = self._longest
        self._rest, self._searched = rest, look

    def end(self) -> Iterator[bytes]:
        """Yield the remaining bytes as a row, unless they are tags of the document."""
        rest, self._rest, self._searched = self._rest, b"", 0
        if self._inside:
            yield rest[: self._longest]
        else:
            yield from self._between(rest)
        self._inside = False

    def _between(self, data: bytes) -> Iterator[bytes]:
        if not data or data.isspace():
            return
        for pattern, closing in _CLOSED:
            # Only up to the last closed tag: the search for the end of an open one finds nothing.
            last = data.rfind(closing) + len(closing) if closing in data else 0
            data = pattern.sub(b"", data[:last]) + data[last:]
        if left := _TAG.sub(b"", data).strip(b"\xef\xbb\xbf \t\r\n"):
            yield left[: self._longest]


_CLOSED = (
    (re.compile(rb"(?s)<!--.*?-->"), b"-->"),
    (re.compile(rb"(?s)<\?.*?\?>"), b"?>"),
)
_TAG = re.compile(rb"</?[A-Za-z_][^<>]*>")
