"""Cells, patients, times and notes of a pandas table, as the encoders read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME, Ints

from .columns import Table
from .units import number

if TYPE_CHECKING:
    import pandas as pd

MOST_CHARACTERS = 1 << 28
"""Largest size of all notes of one call (characters)."""


def named_by_text(structured: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns are called by texts, none twice.

    Raises
    ------
    UsageError
        If it is no table, or two columns have the same name.
    """
    import pandas as pd

    if not isinstance(structured, pd.DataFrame):
        raise UsageError(f"structured is a DataFrame, not {type(structured).__name__}")
    columns: list[Any] = list(structured.columns)
    names = [str(name) for name in columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"two columns have the same name: {', '.join(twice)}")
    return structured if names == columns else structured.set_axis(names, axis=1)


def is_number(column: pd.Series) -> bool:
    """Return whether a column holds numbers, or texts that nearly all are numbers."""
    if column.dtype.kind in "iufb":
        return True
    there = column.dropna().head(10_000).tolist()
    return bool(there) and sum(number(cell) is not None for cell in there) >= 0.9 * len(there)


def cells_of(structured: pd.DataFrame) -> Table:
    """Return a function that returns a column's cells by its name."""

    def cells(name: str) -> Sequence[Any] | None:
        if name not in structured:
            return None
        column = structured[name]
        is_plain = column.dtype.kind in "iufb" and isinstance(column.dtype, np.dtype)
        return column.to_numpy() if is_plain else column.astype(object).tolist()  # type: ignore[return-value]

    return cells


def patients_of(structured: pd.DataFrame, patient: str) -> list[Any]:
    """Return the patient of each row, ``None`` where it is unknown."""
    if not patient or patient not in structured:
        return [None] * len(structured)
    column = structured[patient]
    return column.astype(object).where(column.notna(), None).tolist()


def times_of(structured: pd.DataFrame, time: str) -> Ints:
    """Return times in ms, ``NO_TIME`` where they are missing; plain numbers are ms."""
    import pandas as pd

    if not time or time not in structured:
        return np.full(len(structured), NO_TIME)
    column = structured[time]
    unit = "ms" if column.dtype.kind in "iuf" else None
    stamps = pd.to_datetime(column, unit=unit, utc=True, errors="coerce")  # type: ignore[call-overload]
    known = stamps.dt.as_unit("ms").astype("int64")
    return np.asarray(known.where(stamps.notna(), NO_TIME), np.int64)


def notes_of(
    structured: pd.DataFrame, text: pd.Series | Sequence[str | None] | None
) -> list[str | None]:
    """Align notes with rows: a list by place, a series by index. A value that is no text is none.

    Raises
    ------
    UsageError
        If it cannot be told which row a note belongs to, or the notes are too large.
    """
    import pandas as pd

    if text is None:
        return [None] * len(structured)
    if isinstance(text, str) or not isinstance(text, (pd.Series, Sequence, np.ndarray)):
        raise UsageError(f"notes are a Series, or a list of texts, not {type(text).__name__}")
    if not isinstance(text, pd.Series):
        if len(text) != len(structured):
            raise UsageError(f"{len(text)} notes for {len(structured)} rows")
        text = pd.Series(list(text), structured.index, dtype=object)
    if not text.index.equals(structured.index):
        _check_indexes(structured.index, text.index)
        text = text.reindex(structured.index)
    notes = [cell if isinstance(cell, str) else None for cell in text.tolist()]
    if sum(len(note) for note in notes if note) > MOST_CHARACTERS:
        raise UsageError(f"more than {MOST_CHARACTERS:,} characters of notes: take fewer at once")
    return notes


def _check_indexes(rows: pd.Index, notes: pd.Index) -> None:
    """Refuse indexes by which a row could get another row's note."""
    import pandas as pd

    if not (notes.is_unique and rows.is_unique):
        raise UsageError("notes are aligned by index, which names some rows twice")
    common = len(notes.intersection(rows))
    if not common:
        raise UsageError("no note has the index of a row")
    # A filter keeps the numbers of rows, reset_index counts anew: then 3 is no longer row 3.
    renumbered = isinstance(notes, pd.RangeIndex) and notes.start == 0 and len(notes) < len(rows)
    if common == len(rows) or (common == len(notes) and not renumbered):
        return
    raise UsageError(
        f"the rows have the index {_some(rows)}, the notes {_some(notes)}: it cannot be told which "
        "belong together; give both the same index"
    )


def _some(index: pd.Index) -> str:
    return ", ".join(map(repr, index[:4].tolist())) + (", ..." if len(index) > 4 else "")
