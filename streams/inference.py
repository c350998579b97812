"""The Open Inference Protocol v2 over HTTP, as the service reads it and the scorer writes it.

Tensors travel as JSON or as raw bytes behind the JSON (the binary tensor extension). Only what
a scorer of rows needs is accepted: one FP32 input of shape ``(n_rows, n_features)``, one FP64
output of shape ``(n_rows,)``, behind it another one for each number that the model estimates, and
last, of models that put items forward, one INT64 output of shape ``(n_rows, size)``.

References
----------
https://github.com/open-inference/open-inference-protocol (version 2, HTTP/REST) and, for the
binary tensors, https://github.com/triton-inference-server/server, ``extension_binary_data``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from streamsim.streams.answers import Answers, answers, estimates_of, items_of, scores_of
from streamsim.streams.errors import BadRequest, ScorerUnavailable
from streamsim.streams.events import Matrix

INPUT, OUTPUT, ITEMS = "features", "score", "items"
INPUT_TYPE, OUTPUT_TYPE, ITEMS_TYPE = "FP32", "FP64", "INT64"
HEADER_LENGTH = "Inference-Header-Content-Length"
BINARY_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A request that has been found good: finite rows of the right width."""

    rows: Matrix
    id: str | None
    binary: bool
    """Whether the caller wants the output as raw bytes."""


def read_infer(
    body: bytes, header_length: str | None, n_features: int, max_rows: int
) -> InferRequest:
    """Read an inference request.

    Parameters
    ----------
    header_length
        Value of the ``Inference-Header-Content-Length`` header, ``None`` without one.

    Raises
    ------
    BadRequest
        Saying what was wrong; status 413 for too many rows, 400 for all else.
    """
    head, tail = _split(body, header_length)
    request = _load_object(head)
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
    return InferRequest(rows, identity, _wants_binary(request))


def write_response(
    model: str,
    version: str,
    request: InferRequest,
    answer: Answers,
    names: Sequence[str] = (),
) -> tuple[bytes, int | None]:
    """Write the response to a request; ``names`` are those of the model's estimates.

    Returns
    -------
    body
        The JSON, with the raw tensors behind it if the request wants them so.
    header_length
        Length of the JSON in that case, for the header of the same name, else ``None``.
    """
    response: dict[str, Any] = {"model_name": model, "model_version": version}
    if request.id is not None:
        response["id"] = request.id
    tensors = [(OUTPUT, OUTPUT_TYPE, scores_of(answer).astype("<f8"))]
    numbers = estimates_of(answer, len(names)).T
    tensors += [(n, OUTPUT_TYPE, own.astype("<f8")) for n, own in zip(names, numbers, strict=True)]
    if (items := items_of(answer, len(names))) is not None:
        tensors.append((ITEMS, ITEMS_TYPE, items.astype("<i8")))
    outputs: list[dict[str, Any]] = [
        {"name": name, "datatype": kind, "shape": list(data.shape)} for name, kind, data in tensors
    ]
    response["outputs"] = outputs
    raw = [data.tobytes() for _, _, data in tensors]
    if not request.binary:
        for output, (_, _, data) in zip(outputs, tensors, strict=True):
            output["data"] = data.ravel()
        return orjson.dumps(response, option=orjson.OPT_SERIALIZE_NUMPY), None
    for output, part in zip(outputs, raw, strict=True):
        output["parameters"] = {"binary_data_size": len(part)}
    head = orjson.dumps(response)
    return b"".join([head, *raw]), len(head)


def write_infer(rows: Matrix) -> tuple[bytes, int]:
    """Write a request with raw tensors; return the body and the length of its JSON."""
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
            "outputs": [{"name": OUTPUT, "parameters": {"binary_data": True}}],
        }
    )
    return head + raw, len(head)


def read_response(
    body: bytes, header_length: str | None, n_rows: int, names: Sequence[str] = ()
) -> Answers:
    """Read the scores from a response, the estimates of those names, and what is put forward.

    Raises
    ------
    ScorerUnavailable
        If the answer is cut off, of the wrong shape, or not finite: a service that answers
        so is broken, and may be mended by the time of the next try.
    """
    try:
        head, tail = _split(body, header_length)
        outputs = _load_object(head)["outputs"]
        output = next(o for o in outputs if o["name"] == OUTPUT)
        items, numbers = None, np.empty((n_rows, len(names)))
        if any(o["name"] == ITEMS for o in outputs):
            items, tail = _last(outputs, ITEMS, tail, n_rows)
        for place in reversed(range(len(names))):
            numbers[:, place : place + 1], tail = _last(outputs, names[place], tail, n_rows)
        if output["shape"] != [n_rows] or output["datatype"] != OUTPUT_TYPE:
            raise ScorerUnavailable(
                f"asked for {n_rows} {OUTPUT_TYPE} scores, "
                f"got {output['datatype']} of shape {output['shape']}"
            )
        if "data" in output:
            scores = np.array(output["data"], np.float64)
        else:
            scores = np.frombuffer(tail, "<f8")
    except (BadRequest, KeyError, StopIteration, TypeError, ValueError) as error:
        raise ScorerUnavailable(f"the model service's answer cannot be read: {error!r}") from error
    if scores.shape != (n_rows,) or not (np.isfinite(scores).all() and np.isfinite(numbers).all()):
        raise ScorerUnavailable(f"asked for {n_rows} scores, got {scores.size}, or not all finite")
    return answers(scores, items, numbers)


def _last(
    outputs: Sequence[Any], name: str, tail: bytes, n_rows: int
) -> tuple[npt.NDArray[Any], bytes]:
    """Read the output whose bytes are the last of those that are left, and return the others too.

    It has rows: of shape ``(n_rows, 1)`` if it is a number, else as many as it says.
    """
    output = next(o for o in outputs if o["name"] == name)
    rows, size = output["shape"] if name == ITEMS else (*output["shape"], 1)
    kind, code = (ITEMS_TYPE, "<i8") if name == ITEMS else (OUTPUT_TYPE, "<f8")
    if rows != n_rows or output["datatype"] != kind:
        raise ValueError(f"{name} is {output['datatype']} of shape {output['shape']}")
    if "data" in output:
        return np.array(output["data"], code).reshape(rows, size), tail
    length = n_rows * size * 8
    begin = len(tail) - length
    if begin < 0:
        raise ValueError(f"{name} is cut off")
    return np.frombuffer(tail[begin:], code).reshape(rows, size), tail[:begin]


def named_rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str], max_rows: int) -> Matrix:
    """Read rows of named features, as ``POST /predict`` takes them.

    Raises
    ------
    BadRequest
        If a feature is missing, unknown, or not a finite number.

    Examples
    --------
    >>> named_rows([{"a": 1, "b": 2.5}], ["a", "b"], 10).tolist()
    [[1.0, 2.5]]
    """
    if not rows:
        raise BadRequest("no rows")
    if len(rows) > max_rows:
        raise BadRequest(f"{len(rows)} rows; at most {max_rows} at once", 413)
    known = set(names)
    values = []
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise BadRequest(f"row {index} is not an object of named features")
        missing, extra = known - row.keys(), row.keys() - known
        if missing:
            raise BadRequest(f"row {index} lacks {', '.join(sorted(missing))}")
        if extra:
            raise BadRequest(f"row {index} has unknown features: {', '.join(sorted(extra))[:200]}")
        for name in names:
            if type(row[name]) not in (int, float):
                raise BadRequest(f"row {index}: {name} is not a number")
        values.append([row[name] for name in names])
    return _finite_matrix(values)


def _finite_matrix(values: Sequence[Any]) -> Matrix:
    try:
        with np.errstate(over="ignore"):
            matrix = np.array(values, np.float64).astype(np.float32)
    except (ValueError, TypeError, OverflowError):
        raise BadRequest("the values are not numbers") from None
    if not np.isfinite(matrix).all():
        raise BadRequest("a value is not finite in FP32")
    return matrix


def _split(body: bytes, header_length: str | None) -> tuple[bytes, bytes]:
    if header_length is None:
        return body, b""
    if not (header_length.isascii() and header_length.isdigit() and len(header_length) < 12):
        raise BadRequest(f"{HEADER_LENGTH} is not a number")
    length = int(header_length)
    if length > len(body):
        raise BadRequest(f"{HEADER_LENGTH} is {length}, but the body has only {len(body)} bytes")
    return body[:length], body[length:]


def _load_object(data: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("not a JSON object")
    return value


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
    return _finite_matrix(flat).reshape(shape)


def _wants_binary(request: dict[str, Any]) -> bool:
    outputs = request.get("outputs")
    default = bool(_parameters(request).get("binary_data_output", False))
    if outputs is None or outputs == []:
        return default
    if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], dict):
        raise BadRequest(f"'outputs' must be a list of one output, {OUTPUT!r}")
    if outputs[0].get("name") != OUTPUT:
        raise BadRequest(
            f"no output {str(outputs[0].get('name'))[:100]!r}; the output is {OUTPUT!r}"
        )
    return bool(_parameters(outputs[0]).get("binary_data", default))
