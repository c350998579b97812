"""Events as JSON: a batch decodes like its values one by one, for any values."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from streamsim.streams.codec import decode_objects, dump_each, encode_objects
from tests.property.examples import examples

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=4), JSON, max_size=4)

# The separator between the values of a batch is random and never leaves the process, so input
# cannot contain it. Input may contain similar bytes, and another separator of the same form.
LOOKALIKE = b',"' + b"0123456789abcdef01" + b'",'
PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"\n", b"\0", b"\xff",
          b"\xef\xbb\xbf", b"1", b"-", b"1e999", b"null", b"NaN",
          b'"a":', b'{"a":1}', b"{}", b'"\\ud800"',
          LOOKALIKE, b"{}" + LOOKALIKE + b"{}", b'{"a":[1', b"2]}", b'{"a":"', b'"}']  # fmt: skip
DEPTHS = st.sampled_from([1, 500, 1022, 1023, 1024, 1025, 20_000])


def cut(value: bytes, share: float) -> bytes:
    return value[: round(len(value) * share)]


VALUES = st.one_of(
    st.none(),
    st.binary(max_size=12),
    JSON.map(orjson.dumps),
    OBJECTS.map(orjson.dumps),
    OBJECTS.map(orjson.dumps),
    st.builds(cut, OBJECTS.map(orjson.dumps), st.floats(0, 1)),
    st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join),
    DEPTHS.map(lambda n: b"[" * n + b"]" * n),
    DEPTHS.map(lambda n: b'{"a":' * n + b"1" + b"}" * n),
)


def decode_one(value: bytes | None) -> tuple[dict[str, Any] | None, str | None]:
    if value is None:
        return None, "no value"
    try:
        item = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None, "not JSON"
    return (item, None) if isinstance(item, dict) else (None, "not a JSON object")


@examples(2.5)
@given(st.lists(VALUES, max_size=8))
@example([b'{"a":[1', b"2]}", b"{}" + LOOKALIKE + b"{}"])
@example([b"{}],[{}"])
@example([b"", b""])
def test_a_batch_is_decoded_as_its_values_one_by_one(values: list[bytes | None]) -> None:
    objects, bad = decode_objects(values)
    alone = [decode_one(value) for value in values]
    assert objects == [item for item, _ in alone]
    assert bad == {row: reason for row, (_, reason) in enumerate(alone) if reason is not None}


@examples(2)
@given(
    st.lists(st.text(max_size=6), unique=True, min_size=1, max_size=4).flatmap(
        lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, JSON)), max_size=6).map(
            lambda rows: (names, rows)
        )
    )
)
def test_what_is_encoded_is_decoded_again(case: tuple[list[str], list[dict[str, Any]]]) -> None:
    names, rows = case
    values = encode_objects({name: iter([row[name] for row in rows]) for name in names})
    assert decode_objects(values) == (rows, {})
    assert [list(orjson.loads(value)) for value in values] == [names] * len(rows)


FLAT = st.dictionaries(st.text(max_size=4), LEAVES, max_size=3)


@examples(1)
@given(st.lists(FLAT | OBJECTS, max_size=5))
@example([{"a": [{"b": 1}, {"c": 2}]}, {}])
@example([{"a": '},{"'}, {'},{"': 1}])
def test_objects_are_written_together_as_they_are_one_by_one(objects: list[dict[str, Any]]) -> None:
    assert dump_each(objects) == [orjson.dumps(item) for item in objects]


@examples(1)
@given(st.lists(st.sampled_from([None, b"{", b"[]", b'{"a":1}', b"{}"]), max_size=40))
def test_bad_values_are_found_among_many_good_ones(values: list[bytes | None]) -> None:
    many = [b'{"b":2}'] * 30 + values + [b"{}"] * 30
    objects, bad = decode_objects(many)
    reasons = {None: "no value", b"{": "not JSON", b"[]": "not a JSON object"}
    assert bad == {row: reasons[value] for row, value in enumerate(many) if value in reasons}
    assert objects == [
        None if row in bad else orjson.loads(value or b"") for row, value in enumerate(many)
    ]
