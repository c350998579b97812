"""Compact lexicon of conditions, symptoms and drugs that doctors' notes mention.

It was written for this project from common usage, without entries of any terminology. It is a list
of words to count, not a code system: its names must be mapped to SNOMED CT or RxNorm where needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ..clinical.concept_terms import (
    CONDITIONS,
    DRUGS,
    SYMPTOMS,
)

KINDS = ("condition", "symptom", "drug")


@dataclass(frozen=True, slots=True)
class Concept:
    """A condition, symptom or drug that notes mention.

    Attributes
    ----------
    name
        Its name, with underscores; also the name of its column.
    kind
        ``condition``, ``symptom`` or ``drug``.
    terms
        Its spellings, each a tuple of tokens in lower case; ``#`` is any number.
    """

    name: str
    kind: str
    terms: tuple[tuple[str, ...], ...]


@cache
def concepts() -> Mapping[str, Concept]:
    """Return the concepts by name, conditions first, then symptoms, then drugs.

    >>> found = concepts()
    >>> found["heart_failure"].kind, ("chf",) in found["heart_failure"].terms
    ('condition', True)
    """
    found: dict[str, Concept] = {}
    for kind, table in zip(KINDS, (CONDITIONS, SYMPTOMS, DRUGS), strict=True):
        for line in table.split("\n"):
            if line:
                name, _, others = line.partition(":")
                written = [name.replace("_", " "), *others.split(",")]
                terms = tuple(dict.fromkeys(tuple(term.split()) for term in written))
                found[name] = Concept(name, kind, terms)
    return found


@cache
def index() -> Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]:
    """Return the terms and their concepts, longest first, by the first token of the term."""
    by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for concept in concepts().values():
        for term in concept.terms:
            by_first.setdefault(term[0], []).append((term, concept.name))
    return {
        first: tuple(sorted(entries, key=lambda entry: -len(entry[0])))
        for first, entries in by_first.items()
    }


def words() -> frozenset[str]:
    """Return every word of the lexicon's terms."""
    return frozenset(
        part for concept in concepts().values() for term in concept.terms for part in term
    )
