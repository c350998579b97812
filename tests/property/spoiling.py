"""Mutate requests of the inference protocol: a body of JSON, followed by raw bytes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
from hypothesis import strategies as st

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
JUNK = st.one_of(
    st.sampled_from([None, True, False, 0, -1, 1, 2, 1.5, 2**63, 2**64 - 1, 1e300, -1e39, 5e-324,
                     "", "x", "FP32", "features", "score", [], {}, [[]], [1], [[1, 2, 3]],
                     [None] * 3, [[1, 2, 3], [4, 5]], {"name": "features"}, {"a": {"b": []}},
                     {"binary_data_size": 12}, {"binary_data": True}, 12, 24]),
    st.lists(FINITE | st.integers(-9, 9) | st.booleans() | st.none(), max_size=16),
    st.text(max_size=5),
).map(deepcopy)  # fmt: skip
PLACES = ["name", "datatype", "shape", "data", "parameters", "inputs", "outputs", "id", "rows"]


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Find the paths to all parts of a JSON value."""
    inner: Any = ()
    if isinstance(tree, dict):
        inner = tree.items()
    elif isinstance(tree, list):
        inner = enumerate(tree)
    return [path, *(p for key, part in inner for p in places(part, (*path, key)))]


def change(tree: Any, draw: st.DrawFn) -> Any:
    """Replace, remove, repeat or add one part of a JSON value."""
    path = draw(st.sampled_from(places(tree)))
    if not path:
        return {**tree, draw(st.sampled_from(PLACES)): draw(JUNK)} if isinstance(tree, dict) else 0
    parent = tree
    for key in path[:-1]:
        parent = parent[key]
    way = draw(st.sampled_from(["replace", "replace", "remove", "repeat"]))
    if way == "replace":
        parent[path[-1]] = draw(JUNK)
    elif way == "remove":
        del parent[path[-1]]
    elif isinstance(parent, list):
        parent.append(parent[path[-1]])
    return tree


def damage(body: bytes, draw: st.DrawFn) -> bytes:
    """Change, cut, or add to some bytes."""
    at = draw(st.integers(0, len(body)))
    way = draw(st.sampled_from(["put", "add", "cut", "end"]))
    if way == "cut":
        return body[:at]
    more = draw(st.binary(min_size=1, max_size=9))
    if way == "end":
        return body + more
    return body[:at] + more + body[at + len(more) * (way == "put") :]


LENGTHS = st.none() | st.integers(-1, 300).map(str) | st.text(max_size=3) | st.just("9" * 20)


@st.composite
def spoilt(draw: st.DrawFn, head: Any, tail: bytes) -> tuple[bytes, str | None]:
    """Spoil a body of JSON and raw bytes: its parts, its bytes, or the length of its JSON."""
    way = draw(st.sampled_from(["parts", "parts", "parts", "bytes", "length"]))
    for _ in range(draw(st.integers(1, 3)) if way == "parts" else 0):
        head = change(head, draw)
    text = orjson.dumps(head)
    length: str | None = str(len(text)) if tail or draw(st.booleans()) else None
    body = text + tail
    for _ in range(draw(st.integers(0, 2)) if way == "bytes" else 0):
        body = damage(body, draw)
    return body, draw(LENGTHS) if way == "length" else length
