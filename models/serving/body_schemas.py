"""JSON Schemas of what the model service reads and answers, for its OpenAPI description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamsim.models.serving.repository_routes import LOAD, UNLOAD
from streamsim.streams.inference import INPUT, INPUT_TYPE, ITEMS_TYPE, OUTPUT_TYPE

Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
BOOL: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
OBJECT: Schema = {"type": "object"}


def ref(name: str) -> dict[str, str]:
    """Return a reference to one of :data:`SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(items: Schema, **more: Any) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **more}


def closed(optional: Sequence[str] = (), /, **properties: Schema) -> dict[str, Any]:
    """Return the schema of an object with these members and no other.

    >>> closed(["b"], a={"type": "string"}, b={"type": "number"})["required"]
    ['a']
    """
    required = [name for name in properties if name not in optional]
    return {**opened(required, **properties), "additionalProperties": False}


def opened(required: Sequence[str] = (), /, **properties: Schema) -> dict[str, Any]:
    """Return the schema of an object with these members, and perhaps others.

    >>> opened(["a"], a={"type": "string"})
    {'type': 'object', 'properties': {'a': {'type': 'string'}}, 'required': ['a']}
    """
    return {"type": "object", "properties": properties, "required": list(required)}


_KINDS = {str: TEXT, bool: BOOL}
_ROW = {"type": "object", "additionalProperties": NUMBER}
_ROWS = listed({"anyOf": [_ROW, listed(NUMBER)]}, minItems=1)
_SHAPE = listed(COUNT, minItems=1, maxItems=2)
_PARAMETERS = opened(binary_data_output=BOOL)
_PREDICT: Mapping[str, Schema] = {"model": TEXT, "version": TEXT}


def _parameters(known: Mapping[str, type]) -> dict[str, Any]:
    kinds = {name: _KINDS[kind] for name, kind in known.items()}
    return closed(["parameters"], parameters=closed(list(kinds), **kinds))


SCHEMAS: Mapping[str, Schema] = {
    "Refusal": closed(error={"type": "string", "minLength": 1}),
    "Server": closed(name=TEXT, version=TEXT, extensions=listed(TEXT)),
    "Live": closed(live={"const": True}),
    "Ready": closed(ready={"const": True}),
    "ModelReady": closed(name=TEXT, version=TEXT, ready={"const": True}),
    "Signature": closed(
        model=TEXT,
        version=TEXT,
        features=listed(TEXT),
        feature_hash=TEXT,
        threshold=NUMBER,
        reference=listed(NUMBER),
        ignored=listed(TEXT),
        estimates=listed(TEXT),
        accuracy={"type": ["number", "null"]},
        profile={"type": ["object", "null"]},
    ),
    "Tensor": closed(
        name=TEXT,
        datatype={"enum": [INPUT_TYPE, OUTPUT_TYPE, ITEMS_TYPE]},
        shape=listed({"type": "integer", "minimum": -1}),
    ),
    "Metadata": closed(
        name=TEXT,
        versions=listed(TEXT, minItems=1),
        platform=TEXT,
        inputs=listed(ref("Tensor"), minItems=1, maxItems=1),
        outputs=listed(ref("Tensor"), minItems=1),
        parameters=ref("Signature"),
    ),
    "InferRequest": opened(
        ["inputs"],
        inputs=listed(
            opened(
                ["name", "datatype", "shape"],
                name={"const": INPUT},
                datatype={"const": INPUT_TYPE},
                shape=listed({"type": "integer", "minimum": 1}, minItems=2, maxItems=2),
                data={"anyOf": [listed(NUMBER), listed(listed(NUMBER))]},
                parameters=opened(binary_data_size=COUNT),
            ),
            minItems=1,
            maxItems=1,
        ),
        id={"type": "string", "maxLength": 200},
        outputs=listed(opened(["name"], name=TEXT, parameters=opened(binary_data=BOOL))),
        parameters=_PARAMETERS,
    ),
    "InferResponse": closed(
        ["id"],
        model_name=TEXT,
        model_version=TEXT,
        id=TEXT,
        outputs=listed(
            closed(
                ["data", "parameters"],
                name=TEXT,
                datatype={"enum": [OUTPUT_TYPE, ITEMS_TYPE]},
                shape=_SHAPE,
                data=listed(NUMBER),
                parameters=closed(binary_data_size=COUNT),
            ),
            minItems=1,
        ),
    ),
    "Example": closed(model=TEXT, features=_ROW),
    "Prediction": {
        "oneOf": [
            closed(list(_PREDICT), **_PREDICT, features=_ROW),
            closed(list(_PREDICT), **_PREDICT, rows=listed(_ROW, minItems=1)),
        ]
    },
    "Predicted": {
        **opened(
            ["model", "version", "scores", "alerts"],
            model=TEXT,
            version=TEXT,
            scores=listed({"type": "number", "minimum": 0, "maximum": 1}, minItems=1),
            alerts=listed(BOOL, minItems=1),
            items=listed(listed({"type": "integer"})),
        ),
        "additionalProperties": listed(NUMBER),
    },
    "Empty": closed(),
    "Invocation": {
        "oneOf": [
            closed(
                ["params"],
                dataframe_split=opened(
                    ["columns", "data"], columns=listed(TEXT), data=listed(listed(NUMBER))
                ),
                params=OBJECT,
            ),
            closed(["params"], dataframe_records=_ROWS, params=OBJECT),
            closed(["params"], instances=_ROWS, params=OBJECT),
            closed(
                ["params"],
                inputs={
                    "anyOf": [_ROWS, {"type": "object", "additionalProperties": listed(NUMBER)}]
                },
                params=OBJECT,
            ),
        ]
    },
    "Invoked": closed(
        predictions=listed({"type": "number", "minimum": 0, "maximum": 1}, minItems=1)
    ),
    "Slate": {
        **opened(
            ["model", "version", "known", "event_time", "as_of", "score", "items"],
            model=TEXT,
            version=TEXT,
            known=BOOL,
            event_time={"type": ["string", "null"]},
            as_of={"type": ["string", "null"]},
            score={"type": ["number", "null"]},
            items=listed({"type": "integer", "minimum": 1}),
        ),
        "additionalProperties": TEXT,
    },
    "Index": opened(ready=BOOL),
    "Indexed": listed(closed(name=TEXT, version=TEXT, state={"enum": ["READY", "UNAVAILABLE"]})),
    "Load": _parameters(LOAD),
    "Loaded": closed(name=TEXT, version=TEXT),
    "Unload": _parameters(UNLOAD),
    "Unloaded": closed(name=TEXT),
}
