"""Inference protocol: requests are read back as written, and no request breaks the reader."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamsim.streams.errors import BadRequest, ScorerUnavailable
from streamsim.streams.events import Floats, Matrix
from streamsim.streams.inference import (
    InferRequest,
    named_rows,
    read_infer,
    read_response,
    write_infer,
    write_response,
)
from tests.property.examples import examples
from tests.property.spoiling import FINITE, JUNK, spoilt

WIDTH, MAX_ROWS = 3, 5
NAMES = ("a", "b", "c")

MATRICES = st.integers(1, MAX_ROWS).flatmap(
    lambda n: arrays(np.float32, (n, WIDTH), elements=FINITE)
)
SCORES = arrays(
    np.float64,
    st.integers(1, MAX_ROWS),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)
IDS = st.none() | st.text(max_size=200)


def as_json(rows: Matrix, *, nested: bool = False, **more: Any) -> dict[str, Any]:
    data = rows.tolist() if nested else rows.ravel().tolist()
    tensor = {"name": "features", "datatype": "FP32", "shape": list(rows.shape), "data": data}
    return {**more, "inputs": [tensor]}


def same(a: Matrix | Floats, b: Matrix | Floats) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@examples(1)
@given(MATRICES)
def test_a_binary_request_is_read_as_it_was_written(rows: Matrix) -> None:
    body, length = write_infer(rows)
    request = read_infer(body, str(length), WIDTH, MAX_ROWS)
    assert same(request.rows, rows)
    assert request.binary


@examples(1)
@given(MATRICES, st.booleans(), IDS)
def test_a_json_request_is_read_as_it_was_written(
    rows: Matrix, nested: bool, identity: str | None
) -> None:
    body = orjson.dumps(as_json(rows, nested=nested, id=identity))
    for length in (None, str(len(body))):
        request = read_infer(body, length, WIDTH, MAX_ROWS)
        assert same(request.rows, rows)
        assert (request.id, request.binary) == (identity, False)


@examples(1)
@given(MATRICES, st.permutations(NAMES))
def test_named_rows_are_read_whatever_the_order_of_the_names(
    rows: Matrix, order: list[str]
) -> None:
    column = dict(zip(NAMES, range(WIDTH), strict=True))
    named = [{name: row[column[name]] for name in order} for row in rows.tolist()]
    assert same(named_rows(orjson.loads(orjson.dumps(named)), NAMES, MAX_ROWS), rows)


@examples(1)
@given(SCORES, st.booleans(), IDS)
def test_a_response_is_read_as_it_was_written(
    scores: Floats, binary: bool, identity: str | None
) -> None:
    request = InferRequest(np.zeros((len(scores), WIDTH), np.float32), identity, binary)
    body, length = write_response("m", "1", request, scores)
    assert (length is not None) == binary
    assert same(read_response(body, length and str(length), len(scores)), scores)
    head = orjson.loads(body[:length])
    assert head.get("id") == identity


ANY_ROWS = st.integers(0, MAX_ROWS + 2).flatmap(
    lambda n: arrays(np.float32, (n, WIDTH), elements=st.floats(width=32))
)


@examples(2)
@given(ANY_ROWS)
def test_too_many_rows_none_or_such_that_are_not_finite_are_refused(rows: Matrix) -> None:
    body, length = write_infer(rows)
    try:
        found = read_infer(body, str(length), WIDTH, MAX_ROWS)
    except BadRequest as error:
        status = error.status
    else:
        status = 200
        assert same(found.rows, rows)
    if len(rows) > MAX_ROWS:
        assert status == 413
    else:
        assert status == (200 if len(rows) and np.isfinite(rows).all() else 400)


@examples(1)
@given(MATRICES, st.data(), st.sampled_from([True, "1", "x", None, [1.0], {}, 1e39]))
def test_what_is_no_number_is_refused(rows: Matrix, data: st.DataObject, junk: Any) -> None:
    request = as_json(rows)
    values = request["inputs"][0]["data"]
    values[data.draw(st.integers(0, len(values) - 1))] = junk
    with pytest.raises(BadRequest):
        read_infer(orjson.dumps(request), None, WIDTH, MAX_ROWS)


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, str | None]:
    rows = draw(MATRICES)
    if draw(st.booleans()):
        return draw(spoilt(as_json(rows, nested=draw(st.booleans()), id=draw(IDS)), b""))
    body, length = write_infer(rows)
    return draw(spoilt(orjson.loads(body[:length]), body[length:]))


@examples(5)
@given(requests())
def test_a_spoilt_request_is_read_to_the_right_shape_or_refused(
    request: tuple[bytes, str | None],
) -> None:
    try:
        found = read_infer(*request, WIDTH, MAX_ROWS)
    except BadRequest as error:
        event("refused")
        refused = error
    else:
        event("read")
        check(found)
        return
    assert refused.status in (400, 413)
    assert str(refused)


def check(found: InferRequest) -> None:
    rows = found.rows
    assert rows.dtype == np.float32
    assert rows.ndim == 2
    assert 1 <= len(rows) <= MAX_ROWS
    assert rows.shape[1] == WIDTH
    assert np.isfinite(rows).all()
    assert found.id is None or (isinstance(found.id, str) and len(found.id) <= 200)
    assert type(found.binary) is bool


@st.composite
def responses(draw: st.DrawFn) -> tuple[bytes, str | None, int]:
    scores = draw(SCORES)
    request = InferRequest(np.zeros((1, WIDTH), np.float32), draw(IDS), draw(st.booleans()))
    body, length = write_response("m", "1", request, scores)
    head, tail = (body, b"") if length is None else (body[:length], body[length:])
    return *draw(spoilt(orjson.loads(head), tail)), len(scores)


def one_number(data: Any) -> tuple[bytes, None, int]:
    output = {"name": "score", "datatype": "FP64", "shape": [1], "data": data}
    return orjson.dumps({"outputs": [output]}), None, 1


@examples(5)
@given(responses())
@example(one_number(0.5))
@example(one_number(None))
def test_a_spoilt_response_is_read_to_as_many_scores_or_tried_again(
    response: tuple[bytes, str | None, int],
) -> None:
    body, length, n = response
    try:
        scores = read_response(body, length, n)
    except ScorerUnavailable:
        event("tried again")
        return
    event("read")
    assert scores.dtype == np.float64
    assert scores.shape == (n,)
    assert np.isfinite(scores).all()


ROWS = st.lists(
    st.dictionaries(st.sampled_from([*NAMES, "d"]), JUNK | FINITE, max_size=4)
    | st.fixed_dictionaries(dict.fromkeys(NAMES, FINITE | st.integers(-(2**63), 2**64 - 1)))
    | JUNK,
    max_size=MAX_ROWS + 1,
)


@examples(4)
@given(ROWS)
@example([{"a": True, "b": 1, "c": 1}])
@example([{"a": 1e39, "b": 1, "c": 1}])
def test_any_named_rows_are_read_to_the_right_shape_or_refused(rows: list[Any]) -> None:
    try:
        found = named_rows(rows, NAMES, MAX_ROWS)
    except BadRequest as error:
        status = error.status
    else:
        status = 200
        check(InferRequest(found, None, False))
        assert len(found) == len(rows)
        assert all(set(row) == set(NAMES) for row in rows)
    assert (status == 413) == (len(rows) > MAX_ROWS)
