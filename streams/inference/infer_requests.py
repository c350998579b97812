"""Inference requests: written by the scorer, read by the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import orjson

from streamsim.streams.errors import BadRequest
from streamsim.streams.events import Matrix
from streamsim.streams.inference.named_rows import finite_matrix
from streamsim.streams.inference.tensor_bodies import (
    INPUT,
    INPUT_TYPE,
    OUTPUT,
    load_object,
    split_body,
)


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A valid request: finite rows of the right width."""

    rows: Matrix
    id: str | None
    binary: bool
    """Whether the caller wants the outputs as raw bytes."""
    outputs: Mapping[str, bool] | None = None
    """The wanted outputs in order, and whether each as raw bytes; ``None`` for all."""

    def wanted(self, names: Sequence[str]) -> Mapping[str, bool]:
        """Return the outputs to answer with, given those that there are."""
        return dict.fromkeys(names, self.binary) if self.outputs is None else self.outputs


def read_infer(
    body: bytes,
    header_length: str | None,
    n_features: int,
    max_rows: int,
    outputs: Sequence[str] = (OUTPUT,),
) -> InferRequest:
    """Read an inference request.

    Parameters
    ----------
    header_length
        Value of the ``Inference-Header-Content-Length`` header, ``None`` without one.
    outputs
        Names of the outputs that can be asked for.

    Raises
    ------
    BadRequest
        If the request is invalid; status 413 for too many rows, 400 otherwise.
    """
    head, tail = split_body(body, header_length)
    request = load_object(head)
    tensor = _only_input(request)
    shape = _shape(tensor.get("shape"), n_features, max_rows)
    parameters = _parameters(tensor)
    if "binary_data_size" in parameters:
        if "data" in tensor:
            raise BadRequest(f"input {INPUT!r} has both 'data' and 'binary_data_size'")
        rows = _binary_rows(tail, parameters["binary_data_size"], shape)
    else:
        if tail:
            raise BadRequest(f"{len(tail)} bytes follow the JSON, but no input claims them")
        rows = _json_rows(tensor.get("data"), shape)
    if not np.isfinite(rows).all():
        bad = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise BadRequest(f"row {bad} of input {INPUT!r} has a value that is not finite in FP32")
    identity = request.get("id")
    if identity is not None and not (isinstance(identity, str) and len(identity) <= 200):
        raise BadRequest("'id' must be a string of at most 200 characters")
    default = bool(_parameters(request).get("binary_data_output", False))
    return InferRequest(rows, identity, default, _wanted(request, outputs, default))


def write_infer(rows: Matrix) -> tuple[bytes, int]:
    """Write a request with raw tensors; return the body and the length of its JSON in bytes."""
    raw = np.ascontiguousarray(rows, "<f4").tobytes()
    head = orjson.dumps(
        {
            "inputs": [
                {
                    "name": INPUT,
                    "datatype": INPUT_TYPE,
                    "shape": list(rows.shape),
                    "parameters": {"binary_data_size": len(raw)},
                }
            ],
            "parameters": {"binary_data_output": True},
        }
    )
    return head + raw, len(head)


def _only_input(request: dict[str, Any]) -> dict[str, Any]:
    inputs = request.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise BadRequest(f"'inputs' must be a list of one tensor, {INPUT!r}")
    tensor: dict[str, Any] = inputs[0]
    if tensor.get("name") != INPUT:
        raise BadRequest(f"no input {str(tensor.get('name'))[:100]!r}; the input is {INPUT!r}")
    if tensor.get("datatype") != INPUT_TYPE:
        raise BadRequest(f"input {INPUT!r} must be {INPUT_TYPE}")
    return tensor


def _shape(shape: Any, n_features: int, max_rows: int) -> tuple[int, int]:
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or any(type(size) is not int or size < 0 for size in shape)
    ):
        raise BadRequest(f"the shape of {INPUT!r} must be [rows, {n_features}]")
    rows, width = shape
    if width != n_features:
        raise BadRequest(f"{INPUT!r} has {width} columns; the model takes {n_features}")
    if rows == 0:
        raise BadRequest("no rows")
    if rows > max_rows:
        raise BadRequest(f"{rows} rows; at most {max_rows} at once", 413)
    return rows, width


def _parameters(part: dict[str, Any]) -> dict[str, Any]:
    parameters = part.get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadRequest("'parameters' must be an object")
    return parameters


def _binary_rows(tail: bytes, size: Any, shape: tuple[int, int]) -> Matrix:
    wanted = prod(shape) * 4
    if type(size) is not int or size != wanted:
        raise BadRequest(f"binary_data_size must be {wanted} for shape {list(shape)}")
    if len(tail) != wanted:
        raise BadRequest(f"{wanted} bytes should follow the JSON, {len(tail)} do")
    return np.frombuffer(tail, "<f4").reshape(shape)


def _json_rows(data: Any, shape: tuple[int, int]) -> Matrix:
    if not isinstance(data, list):
        raise BadRequest(f"input {INPUT!r} has no 'data'")
    flat = data
    if data and isinstance(data[0], list):
        if len(data) != shape[0] or any(
            not isinstance(r, list) or len(r) != shape[1] for r in data
        ):
            raise BadRequest(f"'data' does not have the shape {list(shape)}")
        flat = [x for row in data for x in row]
    if len(flat) != prod(shape):
        raise BadRequest(f"'data' has {len(flat)} values; shape {list(shape)} takes {prod(shape)}")
    if not set(map(type, flat)) <= {int, float}:
        raise BadRequest("'data' must hold numbers only")
    return finite_matrix(flat).reshape(shape)


def _wanted(
    request: dict[str, Any], names: Sequence[str], default: bool
) -> Mapping[str, bool] | None:
    outputs = request.get("outputs")
    if outputs is None or outputs == []:
        return None
    if not isinstance(outputs, list) or not all(isinstance(own, dict) for own in outputs):
        raise BadRequest("'outputs' must be a list of objects with a name")
    wanted: dict[str, bool] = {}
    for own in outputs:
        name = own.get("name")
        if not isinstance(name, str) or name not in names:
            raise BadRequest(f"no output {str(name)[:100]!r}; there are: {', '.join(names)}")
        if name in wanted:
            raise BadRequest(f"output {name!r} is asked for twice")
        wanted[name] = bool(_parameters(own).get("binary_data", default))
    return wanted
