"""Columns of predictions and labels as a notebook has them: ids that meet, classes as numbers."""

from __future__ import annotations

import numbers
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.reading.identifiers import identifier, trimmed

if TYPE_CHECKING:
    import pandas as pd

Rows = list[tuple[str, int, float]]
"""An id, a time in ms and a number each."""


def rows_of(predictions: pd.DataFrame, labels: pd.DataFrame, metric: object) -> tuple[Rows, Rows]:
    """Return the rows of predictions and of labels; a row that lacks a value is left out.

    An id is the same as 7, 7.0 and "7", and as "007" unless one table has both. Words are classes;
    they become numbers.

    Raises
    ------
    UsageError
        If a column is missing or of no use for the metric, or the ids of both are of other forms.
    """
    said = _complete(predictions, "predictions", "event_id", "event_time", "prediction")
    true = _complete(labels, "labels", "event_id", "known_at", "label")
    said_ids, true_ids = _ids(said["event_id"].tolist(), true["event_id"].tolist())
    values, wanted = _values(said["prediction"], true["label"], metric)
    if said_ids and true_ids and not set(map(_shape, said_ids)) & set(map(_shape, true_ids)):
        raise UsageError(
            f"no label has the event_id of a prediction: predictions have {_some(said_ids)}, "
            f"labels {_some(true_ids)}"
        )
    return (
        list(zip(said_ids, _stamps(said["event_time"]), values, strict=True)),
        list(zip(true_ids, _stamps(true["known_at"]), wanted, strict=True)),
    )


def _shape(own: str) -> str:
    """Return an id with its letters and digits made alike: a label may be of no prediction here.

    >>> _shape("e12"), _shape("7-a")
    ('a9', '9-a')
    """
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "a", own))


def _complete(frame: pd.DataFrame, what: str, *names: str) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise UsageError(f"{what} are a DataFrame, not {type(frame).__name__}")
    if missing := [name for name in names if name not in frame]:
        has = ", ".join(map(str, frame.columns))
        raise UsageError(f"{what} have no column {', '.join(missing)}; there are {has}")
    time = names[1]
    if not pd.api.types.is_integer_dtype(frame[time]):
        try:
            form = None if frame[time].dtype.kind == "M" else "ISO8601"
            frame = frame.assign(**{time: pd.to_datetime(frame[time], utc=True, format=form)})
        except (ValueError, TypeError) as error:
            line = " ".join(str(error).split())[:200]
            raise UsageError(f"{what}: {time} has a value that is no time ({line})") from None
    return frame[list(names)].dropna()


def _stamps(times: pd.Series) -> list[int]:
    import pandas as pd

    if pd.api.types.is_integer_dtype(times):
        return list(map(int, times))
    stamps: list[int] = times.dt.as_unit("ms").astype("int64").tolist()
    return stamps


def _ids(said: Sequence[Any], true: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Return both tables' ids in one form."""
    form: Callable[[object], str | None] = identifier
    for own in (said, true):
        texts = {trimmed(value) for value in own}
        if len({identifier(text) for text in texts}) < len({_without_point(t) for t in texts}):
            form = trimmed  # zeros in front tell two of them apart
    return [form(value) or "" for value in said], [form(value) or "" for value in true]


def _without_point(text: str | None) -> str | None:
    return text if text is None else text.removesuffix(".0")


def _some(ids: Sequence[str]) -> str:
    return ", ".join(map(repr, list(dict.fromkeys(ids))[:3]))


def _values(said: pd.Series, true: pd.Series, metric: object) -> tuple[list[float], list[float]]:
    """Return predictions and labels as numbers."""
    numeric = [_numbers(column) for column in (said, true)]
    if metric != "accuracy":
        tables = (("predictions", said), ("labels", true))
        for (what, column), found in zip(tables, numeric, strict=True):
            if found is None:
                raise UsageError(
                    f"{what} like {_first(column)} are no numbers, and {_named(metric)} needs "
                    "numbers: make the class that is looked for 1, the others 0"
                )
        if metric in ("precision", "recall"):
            _check_ones(numeric[0] or [], metric)
        return numeric[0] or [], numeric[1] or []
    if numeric[0] is not None and numeric[1] is not None:
        _check_classes(numeric[0], numeric[1])
        return numeric[0], numeric[1]
    if len(said) and len(true) and (numeric[0] is None) != (numeric[1] is None):
        raise UsageError(
            f"predictions like {_first(said)} and labels like {_first(true)} are never equal: "
            "write both as numbers, or both as words"
        )
    classes: dict[str, float] = {}
    for value in [*said.tolist(), *true.tolist()]:
        classes.setdefault(str(value).strip(), float(len(classes)))
    return (
        [classes[str(value).strip()] for value in said.tolist()],
        [classes[str(value).strip()] for value in true.tolist()],
    )


def _first(column: pd.Series) -> str:
    return repr(column.tolist()[0])


def _named(metric: object) -> str:
    return metric if isinstance(metric, str) else "this metric"


def _numbers(column: pd.Series) -> list[float] | None:
    """Return a column's numbers; ``None`` if it has words."""
    values = column.tolist()
    if all(isinstance(v, (numbers.Number, np.number, np.bool_)) or _is_decimal(v) for v in values):
        return [float(value) for value in values]
    return None


def _is_decimal(value: object) -> bool:
    from decimal import Decimal

    return isinstance(value, Decimal)


def _check_classes(said: Sequence[float], true: Sequence[float]) -> None:
    """Refuse probabilities where classes are compared: they would never be equal to a label."""
    if not said or not true or any(value != round(value) for value in true):
        return
    between = next((value for value in said if value != round(value)), None)
    if between is not None:
        raise UsageError(
            f"a prediction of {between:g} is no class, and accuracy compares classes: cut it, as "
            "at a half, or take average_precision or roc_auc"
        )


def _check_ones(said: Sequence[float], metric: object) -> None:
    """Refuse predictions that are neither 0 nor 1: they would all count as 0."""
    between = next((value for value in said if value not in (0, 1)), None)
    if between is not None:
        raise UsageError(
            f"a prediction of {between:g} is neither 0 nor 1, and {metric} counts those of 1: "
            f"name the score from which it is 1, as in {metric}@0.5"
        )


def span_of(window: int | str | pd.Timedelta) -> tuple[int | None, int | None]:
    """Return a window's number of events, or its span in ms.

    Raises
    ------
    UsageError
        If it is neither.
    """
    import pandas as pd

    if isinstance(window, (int, np.integer)) and not isinstance(window, bool):
        return int(window), None
    try:
        return None, int(pd.Timedelta(window) / pd.Timedelta(milliseconds=1))
    except (ValueError, TypeError):
        raise UsageError(f"not a span of time: {window!r}") from None
