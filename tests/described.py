"""Requests made from an OpenAPI description, and answers held against it.

Both know the parts of JSON Schema that the description uses, and refuse others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

Document = Mapping[str, Any]
KNOWN = {
    "type", "const", "enum", "anyOf", "oneOf", "$ref", "properties", "required", "items", "format",
    "additionalProperties", "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum",
    "description",
}  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
NAMES = st.sampled_from(["m", "1", "2", "a", "b", "score", "features", "7"]) | TEXTS
NUMBERS = st.integers(-5, 2000) | st.floats(-1e6, 1e6) | st.sampled_from([0, 1e300, 10**25])
JUNK = st.none() | st.booleans() | NUMBERS | NAMES | st.just([]) | st.just({}) | st.just([[1]])


def resolved(document: Document, part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference."""
    while "$ref" in part:
        found: Any = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def instances(document: Document, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return JSON values that a schema allows."""
    schema = resolved(document, schema)
    assert schema.keys() <= KNOWN, schema
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return st.one_of([instances(document, own) for own in schema[several]])
    kind = schema["type"]
    if kind == "string":
        least, most = schema.get("minLength", 0), schema.get("maxLength", 12)
        return NAMES.filter(lambda text: least <= len(text) <= most)
    if kind == "boolean":
        return st.booleans()
    if kind in ("integer", "number"):
        least, most = schema.get("minimum", -1000), schema.get("maximum", 3000)
        whole = st.integers(int(least), int(most))
        return whole if kind == "integer" else whole | st.floats(least, most)
    if kind == "array":
        most = schema.get("maxItems", schema.get("minItems", 0) + 4)
        items = instances(document, schema["items"])
        return st.lists(items, min_size=schema.get("minItems", 0), max_size=most)
    assert kind == "object", schema
    named = {name: instances(document, own) for name, own in schema.get("properties", {}).items()}
    required = schema.get("required", [])
    fixed = st.fixed_dictionaries(
        {name: named[name] for name in required},
        optional={name: own for name, own in named.items() if name not in required},
    )
    more = schema.get("additionalProperties", False)
    if not isinstance(more, Mapping):
        return fixed
    others = st.dictionaries(NAMES, instances(document, more), max_size=3)
    return st.builds(lambda a, b: {**b, **a}, fixed, others)


def wrong(document: Document, schema: Mapping[str, Any], value: Any, at: str = "$") -> str:
    """Say in what a value breaks a schema; nothing if it keeps to it."""
    schema = resolved(document, schema)
    assert schema.keys() <= KNOWN, schema
    if "const" in schema and value != schema["const"]:
        return f"{at}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{at}: {value!r} is none of {schema['enum']}"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            fitting = [s for s in schema[several] if not wrong(document, s, value, at)]
            if not fitting or (several == "oneOf" and len(fitting) > 1):
                return f"{at}: {value!r} fits {len(fitting)} forms of {several}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(kind, value) for kind in kinds):
        return f"{at}: {value!r} is no {' or '.join(kinds)}"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return f"{at}: {value!r} is out of bounds"
    if isinstance(value, str | list):
        what = "Length" if isinstance(value, str) else "Items"
        size = len(value)
        if not schema.get(f"min{what}", size) <= size <= schema.get(f"max{what}", size):
            return f"{at}: {size} are too few or too many"
    if isinstance(value, list):
        found = (
            wrong(document, schema.get("items", {}), v, f"{at}[{n}]") for n, v in enumerate(value)
        )
        return next(filter(None, found), "")
    if isinstance(value, dict):
        return _wrong_object(document, schema, value, at)
    return ""


def _wrong_object(
    document: Document, schema: Mapping[str, Any], value: dict[str, Any], at: str
) -> str:
    if missing := [name for name in schema.get("required", []) if name not in value]:
        return f"{at}: lacks {missing}"
    named, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, own in value.items():
        if name not in named and more is False:
            return f"{at}: has {name!r}"
        rule = named.get(name, more)
        if isinstance(rule, Mapping) and (said := wrong(document, rule, own, f"{at}.{name}")):
            return said
    return ""


def _is(kind: str, value: Any) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list,
        "object": dict, "null": type(None),
    }  # fmt: skip
    is_number = kind in ("integer", "number")
    return isinstance(value, kinds[kind]) and not (is_number and isinstance(value, bool))
