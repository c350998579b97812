"""Healthcare: findings of a doctor's note, as bits of one number, extracted at arrival.

The vocabulary is fixed: concepts of the lexicon, each as present, denied or a relative's. Nothing
else of a note is stored, so that no feature, state or model contains a patient's words.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from streamsim.streams.events import Columns, Floats, Ints, Objects

from .clinical.joined_notes import Judge
from .clinical.lexicon import concepts
from .clinical.notes import Sentence, mentions

_HAS = (
    # conditions
    "heart_failure", "copd", "kidney_disease", "diabetes", "coronary_disease",
    "atrial_fibrillation", "depression", "dementia", "cirrhosis", "cancer", "pneumonia",
    # symptoms
    "shortness_of_breath", "edema", "chest_pain", "fatigue", "fever", "wound", "discharge_fluid",
    "nausea", "dizziness", "confusion", "falls", "weight_gain", "hypoglycemia",
    # drugs
    "insulin", "warfarin", "opioid", "loop_diuretic", "digoxin", "steroid",
)  # fmt: skip
_NOT = ("shortness_of_breath", "edema", "chest_pain", "fever", "confusion", "dizziness")
_FAMILY = ("diabetes", "coronary_disease")

VOCABULARY: tuple[tuple[str, str], ...] = (
    *((name, "has") for name in _HAS),
    *((name, "not") for name in _NOT),
    *((name, "family") for name in _FAMILY),
)
"""Pairs of concept and mention (``has``, ``not``, ``family``); the index of each is its bit."""
ALONE = len(VOCABULARY)
"""Bit of living alone, which is no medical concept."""
COLUMNS = (*(f"note_{how}:{name}" for name, how in VOCABULARY), "note_alone")
"""Names of the features, as in :mod:`streamsim.consumers.featurize.extraction`."""

_ALONE = "alone"
_BIT = {pair: 1 << place for place, pair in enumerate(VOCABULARY)}


def findings(notes: Columns) -> Ints:
    """Return the sum of the bits of each note's findings."""
    return _judge().bits(notes["text"].tolist())


def words(notes: Columns) -> Ints:
    """Return the approximate number of words of each note."""
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


def _judged(sentence: Sentence) -> int:
    found = sum(_BIT.get(pair, 0) for pair in mentions([sentence]))
    alone = any(
        word == _ALONE and not denied
        for word, denied in zip(sentence.words, sentence.denied, strict=True)
    )
    return found | (alone << ALONE)


@cache
def _judge() -> Judge:
    names = {name for name, _ in VOCABULARY}
    first = {term[0] for name in names for term in concepts()[name].terms}
    return Judge(first | {_ALONE}, _judged)
