"""Common parts of inference requests and responses: tensor names, JSON, raw bytes."""

from __future__ import annotations

from typing import Any

import orjson

from streamsim.streams.errors import BadRequest

INPUT, OUTPUT, ITEMS = "features", "score", "items"
INPUT_TYPE, OUTPUT_TYPE, ITEMS_TYPE = "FP32", "FP64", "INT64"
HEADER_LENGTH = "Inference-Header-Content-Length"
BINARY_TYPE = "application/octet-stream"


def split_body(body: bytes, header_length: str | None) -> tuple[bytes, bytes]:
    """Split a body into its JSON and the raw tensors behind it.

    Raises
    ------
    BadRequest
        If the header is no number, or larger than the body.
    """
    if header_length is None:
        return body, b""
    if not (header_length.isascii() and header_length.isdigit() and len(header_length) < 12):
        raise BadRequest(f"{HEADER_LENGTH} is not a number")
    length = int(header_length)
    if length > len(body):
        raise BadRequest(f"{HEADER_LENGTH} is {length}, but the body has only {len(body)} bytes")
    return body[:length], body[length:]


def load_object(data: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    BadRequest
        If the data is anything else.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("not a JSON object")
    return value
