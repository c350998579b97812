"""Inference responses: written by the service, read by the scorer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from streamsim.streams.answers import Answers, answers, estimates_of, items_of, scores_of
from streamsim.streams.errors import BadRequest, VersionFails
from streamsim.streams.inference.infer_requests import InferRequest
from streamsim.streams.inference.tensor_bodies import (
    ITEMS,
    ITEMS_TYPE,
    OUTPUT,
    OUTPUT_TYPE,
    load_object,
    split_body,
)


def write_response(
    model: str,
    version: str,
    request: InferRequest,
    answer: Answers,
    names: Sequence[str] = (),
) -> tuple[bytes, int | None]:
    """Write the outputs that a request wants; ``names`` are those of the model's estimates.

    Returns
    -------
    body
        The JSON, with the tensors behind it that the request wants as raw bytes.
    header_length
        Length of the JSON if there are any, for the header of the same name, else ``None``.
    """
    response: dict[str, Any] = {"model_name": model, "model_version": version}
    if request.id is not None:
        response["id"] = request.id
    tensors = [(OUTPUT, OUTPUT_TYPE, scores_of(answer).astype("<f8"))]
    numbers = estimates_of(answer, len(names)).T
    tensors += [(n, OUTPUT_TYPE, own.astype("<f8")) for n, own in zip(names, numbers, strict=True)]
    if (items := items_of(answer, len(names))) is not None:
        tensors.append((ITEMS, ITEMS_TYPE, items.astype("<i8")))
    made = {name: (kind, data) for name, kind, data in tensors}
    outputs, raw = [], []
    for name, is_binary in request.wanted(list(made)).items():
        kind, data = made[name]
        output: dict[str, Any] = {"name": name, "datatype": kind, "shape": list(data.shape)}
        if is_binary:
            raw.append(data.tobytes())
            output["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            output["data"] = data.ravel()
        outputs.append(output)
    response["outputs"] = outputs
    head = orjson.dumps(response, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join([head, *raw]), len(head) if raw else None


def read_response(
    body: bytes, header_length: str | None, n_rows: int, names: Sequence[str] = ()
) -> Answers:
    """Read a response: scores, the estimates of these names, and recommended items.

    Raises
    ------
    VersionFails
        If the answer is cut off, of the wrong shape, or not finite. It may be right at the next
        retry.
    """
    try:
        head, tail = split_body(body, header_length)
        outputs = load_object(head)["outputs"]
        output = next(o for o in outputs if o["name"] == OUTPUT)
        items, numbers = None, np.empty((n_rows, len(names)))
        if any(o["name"] == ITEMS for o in outputs):
            items, tail = _last(outputs, ITEMS, tail, n_rows)
        for place in reversed(range(len(names))):
            numbers[:, place : place + 1], tail = _last(outputs, names[place], tail, n_rows)
        if output["shape"] != [n_rows] or output["datatype"] != OUTPUT_TYPE:
            raise VersionFails(
                f"asked for {n_rows} {OUTPUT_TYPE} scores, "
                f"got {output['datatype']} of shape {output['shape']}"
            )
        if "data" in output:
            scores = np.array(output["data"], np.float64)
        else:
            scores = np.frombuffer(tail, "<f8")
    except (BadRequest, KeyError, StopIteration, TypeError, ValueError) as error:
        raise VersionFails(f"the model service's answer cannot be read: {error!r}") from error
    if scores.shape != (n_rows,) or not (np.isfinite(scores).all() and np.isfinite(numbers).all()):
        raise VersionFails(f"asked for {n_rows} scores, got {scores.size}, or not all finite")
    return answers(scores, items, numbers)


def _last(
    outputs: Sequence[Any], name: str, tail: bytes, n_rows: int
) -> tuple[npt.NDArray[Any], bytes]:
    """Read the output at the end of the remaining bytes; return it and the bytes before it.

    Its shape is ``(n_rows, 1)`` for a number, else as declared.
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
