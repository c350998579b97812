"""Rows of named features from JSON, as finite FP32 matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from streamsim.streams.errors import BadRequest
from streamsim.streams.events import Matrix


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
    return finite_matrix(values)


def finite_matrix(values: Sequence[Any]) -> Matrix:
    """Return values as float32.

    Raises
    ------
    BadRequest
        If a value is no number, or not finite in FP32.
    """
    try:
        with np.errstate(over="ignore"):
            matrix = np.array(values, np.float64).astype(np.float32)
    except (ValueError, TypeError, OverflowError):
        raise BadRequest("the values are not numbers") from None
    if not np.isfinite(matrix).all():
        raise BadRequest("a value is not finite in FP32")
    return matrix
