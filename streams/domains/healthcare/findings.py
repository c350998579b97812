"""Healthcare: what a doctor's note says, as bits of one number, as it arrives.

The vocabulary is fixed: concepts of the lexicon, each as had, denied or a relative's. Nothing else
of a note is kept, so that no feature, state or model has a word of any patient's.
"""

from __future__ import annotations

import numpy as np

from streamsim.streams.events import Columns, Floats, Ints, Objects

from .clinical.notes import Token, mentions, tokens

_HAS = (
    # what they have
    "heart_failure", "copd", "kidney_disease", "diabetes", "coronary_disease",
    "atrial_fibrillation", "depression", "dementia", "cirrhosis", "cancer", "pneumonia",
    # how they are
    "shortness_of_breath", "edema", "chest_pain", "fatigue", "fever", "wound", "discharge_fluid",
    "nausea", "dizziness", "confusion", "falls", "weight_gain", "hypoglycemia",
    # what they take
    "insulin", "warfarin", "opioid", "loop_diuretic", "digoxin", "steroid",
)  # fmt: skip
_NOT = ("shortness_of_breath", "edema", "chest_pain", "fever", "confusion", "dizziness")
_FAMILY = ("diabetes", "coronary_disease")

VOCABULARY: tuple[tuple[str, str], ...] = (
    *((name, "has") for name in _HAS),
    *((name, "not") for name in _NOT),
    *((name, "family") for name in _FAMILY),
)
"""Concept and how it is spoken of; the place of each is its bit."""
ALONE = len(VOCABULARY)
"""Bit of a home that is shared with nobody, which is no medical concept."""
COLUMNS = (*(f"note_{how}:{name}" for name, how in VOCABULARY), "note_alone")
"""A feature each, named as :mod:`streamsim.consumers.featurize.extraction` names them."""

_BIT = {pair: 1 << place for place, pair in enumerate(VOCABULARY)}


def findings(notes: Columns) -> Ints:
    """Return, for each note, the sum of the bits of what it says."""
    return np.array([_bits(_read(text)) for text in notes["text"]], np.int64)


def words(notes: Columns) -> Ints:
    """Return about how many words each note has."""
    return np.array([len(str(text).split()) for text in notes["text"]], np.int64)


def unpack(bits: Objects) -> Floats:
    """Return columns of 0 and 1, shape ``(n, len(COLUMNS))``; -1 throughout without a note.

    >>> unpack(np.array([None, 5], object))[:, :4].tolist()
    [[-1.0, -1.0, -1.0, -1.0], [1.0, 0.0, 1.0, 0.0]]
    """
    known = np.array([value is not None for value in bits], bool)
    numbers = np.array([value or 0 for value in bits], np.int64)
    columns = (numbers[:, None] >> np.arange(len(COLUMNS))) & 1
    return np.where(known[:, None], columns.astype(np.float64), -1.0)


def _read(text: object) -> list[Token]:
    return tokens(text) if isinstance(text, str) else []


def _bits(note: list[Token]) -> int:
    found = sum(_BIT.get(pair, 0) for pair in mentions(note))
    alone = any(t.word == "alone" and not t.denied for t in note)
    return found | (alone << ALONE)
