"""Numbers and doctors' notes to one matrix, and what was fitted, for the batches that come later.

A row's features depend on that row, on what was fitted, and for trends on what was last measured
of its patient: a table that is transformed whole, or in pieces, gives the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
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
"""Of one matrix: a gigabyte of float32. Larger tables are transformed in pieces."""
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
        What was fitted; ``extractor.transform(later, notes, last=features.last)`` goes on.
    last
        What was last measured of each patient, for trends. It is not part of the extractor.
    """

    matrix: Matrix
    names: tuple[str, ...]
    extractor: Extractor
    last: LastValues


@dataclass(frozen=True, slots=True)
class Extractor:
    """What is fitted: centres, scales, levels and words that several patients share; no note.

    Attributes
    ----------
    patient, time
        Names of the columns that say whose a row is, and when it was; empty for none.
    ignored
        Columns that no feature is made of.
    """

    patient: str
    time: str
    columns: tuple[NumberColumn | CategoryColumn, ...]
    notes: NoteColumns | None
    ignored: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """One per feature."""
        own = tuple(name for column in self.columns for name in column.names)
        return own + (self.notes.names if self.notes else ())

    def transform(
        self,
        structured: pd.DataFrame,
        text: pd.Series | None = None,
        *,
        last: LastValues | None = None,
    ) -> Features:
        """Apply what was fitted to rows, in order of their time.

        Parameters
        ----------
        structured, text
            As those that it was fitted on. A column that is not there is missing throughout;
            others than those are left alone.
        last
            What was measured before, which is brought up to date; by default there is none.

        Raises
        ------
        UsageError
            If the notes cannot be aligned, or the matrix would not fit in memory.
        """
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
        """Write it as JSON."""
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
        """Read it.

        Raises
        ------
        ModelError
            If the file is none that :meth:`save` wrote.
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
    text: pd.Series | None = None,
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
    (:mod:`streamsim.streams.domains.healthcare.clinical.analytes`): it is brought to one unit by
    the column ``<name>_unit``; what nobody can have is missing and marked; ``<name>_low`` and
    ``<name>_high`` are its laboratory's reference range. Other columns are numbers, scaled by
    median and interquartile range, or categories, one column a level. Notes are words by TF-IDF,
    and conditions, symptoms and drugs by name, each with whether it is denied or a relative's.

    Parameters
    ----------
    structured
        One row an event, in order of time.
    text
        The notes, aligned by index; ``None`` for none.
    patient, time
        Columns that say whose a row is, and when it was. With both, measurements and numbers have
        their change since the patient's last value, and the days since then, as features.
    units
        Units of measurements that have no column of units, by column; else the analyte's own.
    min_df
        A word, a concept or a level is kept if so many patients have it (rows, without patient).
    max_terms
        At most so many words and pairs of words are kept, the most common.
    hashed
        Hash them to ``max_terms`` columns instead, so that no word is kept.

    Raises
    ------
    UsageError
        If there is nothing to fit on, a named column is not there, or the notes do not align.
    """
    settings = NoteSettings(min_df, max_terms, hashed=hashed)
    if not len(structured):
        raise UsageError("no rows to fit on")
    if not structured.columns.is_unique:
        raise UsageError("two columns have the same name")
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
