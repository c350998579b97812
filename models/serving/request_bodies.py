"""Bodies of requests to the model service: their type, and what is packed in them."""

from __future__ import annotations

import zlib

from werkzeug.wrappers import Request

from streamsim.streams.errors import BadRequest

TYPES = ("application/json", "application/octet-stream")
_UNSAID = ("", "application/x-www-form-urlencoded")
"""What `curl -d` and Python's urllib say of any body: it is read as JSON."""
_GZIP = 16 + zlib.MAX_WBITS


def read_body(request: Request, most: int) -> bytes:
    """Return the body of a request, unpacked.

    Parameters
    ----------
    most
        Most bytes, unpacked.

    Raises
    ------
    BadRequest
        With status 415, if its type or coding is none that is read; 413 if it is too large; 400 if
        it cannot be unpacked.
    """
    kind = request.mimetype
    if kind not in (*TYPES, *_UNSAID) and not kind.endswith("+json"):
        raise BadRequest(f"Content-Type {kind[:100]} is not read: send {' or '.join(TYPES)}", 415)
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    data = request.get_data(cache=False)
    if coding in ("", "identity"):
        return data
    if coding not in ("gzip", "x-gzip"):
        raise BadRequest(f"Content-Encoding {coding[:100]} is not read: send gzip or identity", 415)
    return unpacked(data, most)


def unpacked(data: bytes, most: int) -> bytes:
    """Unpack gzip, one or more members.

    Raises
    ------
    BadRequest
        With status 413, if it has more than ``most`` bytes; 400, if it is no gzip or cut off.

    Examples
    --------
    >>> import gzip
    >>> unpacked(gzip.compress(b"a") + gzip.compress(b"b"), 10)
    b'ab'
    """
    found = b""
    while data:
        member = zlib.decompressobj(_GZIP)
        try:
            found += member.decompress(data, most + 1 - len(found))
        except zlib.error as error:
            raise BadRequest(f"the body is not gzip ({error})") from None
        if len(found) > most:
            raise BadRequest(f"the body has more than {most:,} bytes, unpacked", 413)
        if not member.eof:
            raise BadRequest("the gzip body is cut off")
        data = member.unused_data
    return found
