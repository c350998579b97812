"""Feature extraction: numbers and doctors' notes to one matrix, with a fitted extractor.

A row's features depend on the row, on the fitted extractor and, for trends, on its patient's last
values. A table gives the same features whether it is transformed whole or in pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson

from streamsim.streams.domains.healthcare.clinical.columns import (
    CategoryColumn,
    NumberColumn,
    column_as_dict,
    column_from_dict,
)
from streamsim.streams.domains.healthcare.clinical.frames import (
    cells_of,
    is_number,
    named_by_text,
    notes_of,
    patients_of,
    times_of,
)
from streamsim.streams.domains.healthcare.clinical.terms import NoteColumns, NoteSettings, fit_notes
from streamsim.streams.domains.healthcare.clinical.trends import LastValues, Past
from streamsim.streams.domains.healthcare.clinical.units import find_analyte
from streamsim.streams.errors import ModelError, UsageError
from streamsim.streams.events import Matrix

if TYPE_CHECKING:
    import pandas as pd

MOST_CELLS = 1 << 28
"""Most cells of one matrix: a gigabyte of float32. Larger tables are transformed in pieces."""
LARGEST_FILE = 64 << 20
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Features:
    """A feature set.

    Attributes
    ----------
    matrix
        ``float32``, shape ``(n_rows, n_features)``, without NaN.
    names
        One per column.
    extractor
        The fitted extractor; ``extractor.transform(later, notes, last=features.last)`` continues
        with later rows.
    last
        The last values of each patient, for trends. They are not part of the extractor.
    """

    matrix: Matrix
    names: tuple[str, ...]
    extractor: Extractor
    last: LastValues


@dataclass(frozen=True, slots=True)
class Extractor:
    """Fitted parameters: centres, scales, and levels and words that several patients share.

    It holds no note.

    Attributes
    ----------
    patient, time
        Names of the columns of a row's patient and time; empty for none.
    ignored
        Columns that give no feature.
    """

    patient: str
    time: str
    columns: tuple[NumberColumn | CategoryColumn, ...]
    notes: NoteColumns | None
    ignored: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The feature names, in the order of the matrix's columns."""
        own = tuple(name for column in self.columns for name in column.names)
        return own + (self.notes.names if self.notes else ())

    def transform(
        self,
        structured: pd.DataFrame,
        text: pd.Series | Sequence[str | None] | None = None,
        *,
        last: LastValues | None = None,
    ) -> Features:
        """Transform rows, in order of their time.

        Parameters
        ----------
        structured, text
            Tables like those of the fit. An absent column counts as missing in all rows; additional
            columns are ignored.
        last
            The last values before these rows; they are updated in place. By default there are none.

        Raises
        ------
        UsageError
            If the notes cannot be aligned, or the matrix would not fit in memory.
        """
        structured = named_by_text(structured)
        n, names = len(structured), self.names
        if n * len(names) > MOST_CELLS:
            raise UsageError(f"{n:,} rows of {len(names):,} features: transform them in pieces")
        last = LastValues() if last is None else last
        notes = notes_of(structured, text)
        past = Past(patients_of(structured, self.patient), times_of(structured, self.time), last)
        matrix = np.empty((n, len(names)), np.float32)
        table = cells_of(structured)
        at = 0
        for column in self.columns:
            if isinstance(column, NumberColumn):
                part = column.transform(table, n, past)
            else:
                part = column.transform(table, n)
            matrix[:, at : at + part.shape[1]] = part
            at += part.shape[1]
        if self.notes is not None:
            for begin in range(0, n, _PIECE):
                piece = slice(begin, begin + _PIECE)
                matrix[piece, at:] = self.notes.transform(notes[piece])
        return Features(matrix, names, self, last)

    def save(self, path: Path) -> None:
        """Write the extractor as JSON."""
        document = {
            "schema": SCHEMA,
            "patient": self.patient,
            "time": self.time,
            "columns": [column_as_dict(column) for column in self.columns],
            "notes": self.notes.as_dict() if self.notes else None,
            "ignored": list(self.ignored),
        }
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))

    @classmethod
    def load(cls, path: Path) -> Extractor:
        """Read an extractor.

        Raises
        ------
        ModelError
            If :meth:`save` did not write the file.
        """
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise ModelError(f"{path.name}: too large for an extractor")
            given = orjson.loads(path.read_bytes())
            if given["schema"] != SCHEMA:
                raise ModelError(f"{path.name}: schema {given['schema']!r:.20}, not {SCHEMA}")
            return cls(
                str(given["patient"]),
                str(given["time"]),
                tuple(column_from_dict(column) for column in given["columns"]),
                NoteColumns.from_dict(given["notes"]) if given["notes"] is not None else None,
                tuple(map(str, given["ignored"])),
            )
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror or error}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path.name}: no extractor ({error!r:.200})") from None


_PIECE = 4_096


def extract_features(
    structured: pd.DataFrame,
    text: pd.Series | Sequence[str | None] | None = None,
    *,
    patient: str | None = None,
    time: str | None = None,
    units: Mapping[str, str] | None = None,
    min_df: int = 5,
    max_terms: int = 1_000,
    hashed: bool = False,
) -> Features:
    """Make one matrix of numbers, categories, measurements and doctors' notes.

    A column is a measurement if its name is that of an analyte
    (:mod:`streamsim.streams.domains.healthcare.clinical.analytes`). The column ``<name>_unit``
    converts it to one unit. An impossible value is replaced by a missing one, with a mark.
    ``<name>_low`` and ``<name>_high`` are the laboratory's reference range. Other columns are
    numbers, scaled by median and interquartile range, or categories, one column per level. Notes
    give words by TF-IDF, and conditions, symptoms and drugs by name, each marked if it is denied or
    a relative's.

    Parameters
    ----------
    structured
        One row per event, in order of time.
    text
        The notes: a series is aligned by index, a list by place; ``None`` for none.
    patient, time
        Columns of a row's patient and time. With both, measurements and numbers also give their
        change since the patient's last value, and the days since then.
    units
        Units of measurements without a column of units, by column; by default the analyte's own.
    min_df
        Least number of patients (rows, without ``patient``) with a word, a concept or a level.
    max_terms
        Most words and pairs of words; the most common ones are used.
    hashed
        Hash the words to ``max_terms`` columns, so that no word is stored.

    Raises
    ------
    UsageError
        If there are no rows, a named column is absent, or the notes do not align.
    """
    settings = NoteSettings(min_df, max_terms, hashed=hashed)
    if not len(structured):
        raise UsageError("no rows to fit on")
    structured = named_by_text(structured)
    named = [name for name in (patient, time, *(units or {})) if name is not None]
    if lacking := [name for name in named if name not in structured]:
        raise UsageError(f"no column {', '.join(map(str, lacking))}")
    notes = notes_of(structured, text)
    owners = [
        ("row", i) if who is None else who
        for i, who in enumerate(patients_of(structured, patient or ""))
    ]
    trend = patient is not None and time is not None
    columns: list[NumberColumn | CategoryColumn] = []
    ignored: list[str] = []
    taken = {patient, time}
    plan = {str(name): _measurement(str(name), units or {}, trend) for name in structured.columns}
    for column in plan.values():
        taken |= set(column.sources[1:]) if column is not None else set()
    table = cells_of(structured)
    for name, measured in plan.items():
        if name in taken:
            continue
        if measured is not None:
            columns.append(measured.fit(table, len(structured)))
        elif structured[name].dtype.kind in "mM":
            ignored.append(name)
        elif is_number(structured[name]):
            columns.append(NumberColumn(name, "", "", trend).fit(table, len(structured)))
        else:
            cells = table(name)
            columns.append(CategoryColumn.fit(name, cells or [], owners, min_df))
    fitted = fit_notes(notes, owners, settings) if text is not None else None
    extractor = Extractor(patient or "", time or "", tuple(columns), fitted, tuple(ignored))
    if len(set(extractor.names)) < len(extractor.names):
        raise UsageError("two columns are the same measurement, or make features of one name")
    return extractor.transform(structured, text)


def _measurement(name: str, units: Mapping[str, str], trend: bool) -> NumberColumn | None:
    found = find_analyte(name)
    return NumberColumn(name, found.name, units.get(name, ""), trend) if found else None
