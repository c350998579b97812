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


def notes_of(structured: pd.DataFrame, text: pd.Series | None) -> list[str | None]:
    """Align notes with rows by index; a value that is no text is no note.

    Raises
    ------
    UsageError
        If the index is ambiguous, no row has a note's index, or the notes are too large.
    """
    if text is None:
        return [None] * len(structured)
    if not text.index.equals(structured.index):
        if not (text.index.is_unique and structured.index.is_unique):
            raise UsageError("notes are aligned by index, which names some rows twice")
        if not len(text.index.intersection(structured.index)):
            raise UsageError("no note has the index of a row")
        text = text.reindex(structured.index)
    notes = [cell if isinstance(cell, str) else None for cell in text.tolist()]
    if sum(len(note) for note in notes if note) > MOST_CHARACTERS:
        raise UsageError(f"more than {MOST_CHARACTERS:,} characters of notes: take fewer at once")
    return notes
