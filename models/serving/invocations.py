"""MLflow's ``POST /invocations``: its forms of rows, read as rows of named features.

References
----------
https://mlflow.org/docs/latest/ml/deployment (the scoring protocol of version 2 and 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamsim.streams.errors import BadRequest

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def invoked_rows(asked: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Return the rows of a request, each an object of named features.

    Parameters
    ----------
    names
        The model's features, in the order of rows without names.

    Raises
    ------
    BadRequest
        If it has none of MLflow's forms, or two.

    Examples
    --------
    >>> invoked_rows({"instances": [[1, 2]]}, ["a", "b"])
    [{'a': 1, 'b': 2}]
    >>> invoked_rows({"inputs": {"a": [1, 3], "b": [2, 4]}}, ["a", "b"])
    [{'a': 1, 'b': 2}, {'a': 3, 'b': 4}]
    >>> invoked_rows({"dataframe_split": {"columns": ["b", "a"], "data": [[2, 1]]}}, ["a", "b"])
    [{'b': 2, 'a': 1}]
    """
    given = [name for name in FORMS if name in asked]
    if len(given) != 1 or set(asked) - {given[0], "params"}:
        raise BadRequest(f"send one of {', '.join(FORMS)}")
    (form,), rows = given, asked[given[0]]
    if form == "dataframe_split":
        columns = rows.get("columns") if isinstance(rows, dict) else None
        if not isinstance(columns, list) or not all(isinstance(own, str) for own in columns):
            raise BadRequest("dataframe_split has 'columns', a list of names, and 'data'")
        return _named(rows.get("data"), columns)
    if form == "inputs" and isinstance(rows, dict):
        values = list(rows.values())
        if not all(isinstance(own, list) and len(own) == len(values[0]) for own in values):
            raise BadRequest("'inputs' has a list of each feature, all of one length")
        return [dict(zip(rows, row, strict=True)) for row in zip(*values, strict=True)]
    return _named(rows, names)


def _named(rows: Any, names: Sequence[Any]) -> list[Any]:
    if not isinstance(rows, list):
        raise BadRequest("the rows must be a list")
    if any(isinstance(row, list) and len(row) != len(names) for row in rows):
        raise BadRequest(f"a row has not {len(names)} values")
    return [dict(zip(names, row, strict=True)) if isinstance(row, list) else row for row in rows]
