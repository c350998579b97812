"""Encoding of notes: TF-IDF over a fixed vocabulary or hashed terms, concepts and sections.

Of the notes that it was fitted on it stores only counts, and terms that several patients share.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats

from .lexicon import concepts
from .notes import (
    LONGEST_NOTE,
    SECTIONS,
    Token,
    mentions,
    sentences,
    tokens,
)

_STATES = ("has", "not", "family")
_SECTION_NAMES = (*SECTIONS, "other")
MOST_TERMS = 50_000


@dataclass(frozen=True, slots=True)
class NoteSettings:
    """Settings of the encoding.

    Parameters
    ----------
    min_df
        Least number of patients for a term, and for a concept's column.
    max_terms
        Number of terms, of which the most common are chosen, or of hashed columns.
    pairs
        Whether two words in a row are a term, too.
    hashed
        Whether terms are hashed to columns, so that no word is stored.
    """

    min_df: int = 5
    max_terms: int = 1_000
    pairs: bool = True
    hashed: bool = False

    def __post_init__(self) -> None:
        if self.min_df < 1 or not self.hashed <= self.max_terms <= MOST_TERMS:
            raise UsageError(f"min_df is at least 1, max_terms {int(self.hashed)} to {MOST_TERMS}")


@dataclass(frozen=True)
class NoteColumns:
    """Fitted encoding of notes: terms and their weights.

    Attributes
    ----------
    terms
        The vocabulary in the columns' order; empty if terms are hashed.
    weights
        Inverse document frequency of each term or hashed column.
    mentioned
        Columns of the lexicon: concept and ``has``, ``not`` or ``family``.
    """

    settings: NoteSettings
    terms: tuple[str, ...]
    weights: tuple[float, ...]
    mentioned: tuple[tuple[str, str], ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of its columns."""
        words = self.terms or tuple(str(i) for i in range(len(self.weights)))
        return (
            "note_missing",
            "note_cut",
            "note_words",
            *(f"note_section:{name}" for name in _SECTION_NAMES),
            *(f"note_{state}:{name}" for name, state in self.mentioned),
            *(f"note_term:{word}" for word in words),
        )

    def transform(self, notes: Sequence[str | None]) -> Floats:
        """Return the columns of notes, shape ``(n, len(names))``, each independent of the others.

        Terms are weighted ``(1 + ln tf) * idf`` and have length 1 within a note. Concepts and
        sections are 0 or 1; ``note_words`` is ``ln(1 + words)``.
        """
        result = np.zeros((len(notes), len(self.names)))
        first_term = len(self.names) - len(self.weights)
        first_concept = first_term - len(self.mentioned)
        for row, note in zip(result, notes, strict=True):
            if note is None:
                row[0] = 1.0
                continue
            found = tokens(note)
            row[1] = len(note) > LONGEST_NOTE
            row[2] = math.log1p(len(found))
            for section in {token.section for token in found if token.section}:
                row[3 + _SECTION_NAMES.index(section)] = 1.0
            for concept in mentions(sentences(note)):
                place = self._concepts.get(concept)
                if place is not None:
                    row[first_concept + place] = 1.0
            for column, value in self._weighted(found).items():
                row[first_term + column] = value
        return result

    def _weighted(self, found: Sequence[Token]) -> dict[int, float]:
        counts = Counter(
            column
            for term in _terms(found, self.settings.pairs)
            if (column := self._column(term)) is not None
        )
        raw = {c: (1.0 + math.log(n)) * self.weights[c] for c, n in counts.items()}
        # fsum is exact, so that a row does not depend on the order of its terms.
        length = math.sqrt(math.fsum(v * v for v in raw.values())) or 1.0
        return {column: value / length for column, value in raw.items()}

    def _column(self, term: str) -> int | None:
        if self.settings.hashed:
            return _hashed(term, len(self.weights))
        return self._places.get(term)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {term: i for i, term in enumerate(self.terms)}

    @cached_property
    def _concepts(self) -> Mapping[tuple[str, str], int]:
        return {key: i for i, key in enumerate(self.mentioned)}

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        settings = self.settings
        return {
            "settings": {
                "min_df": settings.min_df,
                "max_terms": settings.max_terms,
                "pairs": settings.pairs,
                "hashed": settings.hashed,
            },
            "terms": list(self.terms),
            "weights": list(self.weights),
            "mentioned": [list(pair) for pair in self.mentioned],
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> NoteColumns:
        """Return it from JSON types; raise KeyError, TypeError or ValueError for others."""
        settings = NoteSettings(**given["settings"])
        terms, weights = tuple(map(str, given["terms"])), tuple(map(float, given["weights"]))
        mentioned = tuple((str(name), str(state)) for name, state in given["mentioned"])
        if len(terms) != (0 if settings.hashed else len(weights)) or len(weights) > MOST_TERMS:
            raise ValueError("terms and weights do not fit each other")
        if not all(math.isfinite(w) for w in weights):
            raise ValueError("a weight is no number")
        if not all(name in concepts() and state in _STATES for name, state in mentioned):
            raise ValueError("a concept that is not in the lexicon")
        return cls(settings, terms, weights, mentioned)


def fit_notes(
    notes: Sequence[str | None], patients: Sequence[Hashable], settings: NoteSettings
) -> NoteColumns:
    """Choose the terms and concepts that enough patients share, and weight the terms.

    Parameters
    ----------
    patients
        Patient of each note; a term counts once per patient.

    References
    ----------
    Weights are ``ln((1 + n) / (1 + df)) + 1``, smoothed as scikit-learn's, over patients.
    """
    terms_of: dict[str, set[Hashable]] = {}
    concepts_of: dict[tuple[str, str], set[Hashable]] = {}
    everybody: set[Hashable] = set()
    for note, patient in zip(notes, patients, strict=True):
        if note is None:
            continue
        everybody.add(patient)
        found = tokens(note)
        for term in set(_terms(found, settings.pairs)):
            name = str(_hashed(term, settings.max_terms)) if settings.hashed else term
            terms_of.setdefault(name, set()).add(patient)
        for concept in mentions(sentences(note)):
            concepts_of.setdefault(concept, set()).add(patient)
    n = len(everybody)
    if settings.hashed:
        counts = [len(terms_of.get(str(i), ())) for i in range(settings.max_terms)]
        terms: tuple[str, ...] = ()
    else:
        common = [(-len(who), t) for t, who in terms_of.items() if len(who) >= settings.min_df]
        chosen = sorted(common)[: settings.max_terms]
        counts, terms = [-df for df, _ in chosen], tuple(term for _, term in chosen)
    return NoteColumns(
        settings,
        terms,
        tuple(math.log((1 + n) / (1 + df)) + 1.0 for df in counts),
        tuple(
            (name, state)
            for name in concepts()
            for state in _STATES
            if len(concepts_of.get((name, state), ())) >= settings.min_df
        ),
    )


def _terms(found: Sequence[Token], pairs: bool) -> Iterable[str]:
    """Yield words, and pairs of words of one sentence."""
    before: Token | None = None
    for token in found:
        term = token.term
        yield term
        if pairs and before is not None and before.sentence == token.sentence:
            yield f"{before.term} {term}"
        before = token


def _hashed(term: str, columns: int) -> int:
    return zlib.crc32(term.encode("utf-8", "surrogatepass")) % columns
