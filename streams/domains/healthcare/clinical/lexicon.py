"""A compact lexicon of conditions, symptoms and drugs: what a note speaks of, by name.

Written for this project: common usage, no terminology's entries. It is a list of words to
count, not a code system; whoever needs SNOMED CT or RxNorm maps the names.
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
    """A thing that notes speak of.

    Attributes
    ----------
    name
        One word for it, with underscores; the column's name.
    kind
        ``condition``, ``symptom`` or ``drug``.
    terms
        How it is written, each a tuple of tokens in lower case; ``#`` is any number.
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
    """Return, by the first token of a term, the terms and their concepts, longest first."""
    by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for concept in concepts().values():
        for term in concept.terms:
            by_first.setdefault(term[0], []).append((term, concept.name))
    return {
        first: tuple(sorted(entries, key=lambda entry: -len(entry[0])))
        for first, entries in by_first.items()
    }


def words() -> frozenset[str]:
    """Return every word that the lexicon is written with."""
    return frozenset(
        part for concept in concepts().values() for term in concept.terms for part in term
    )
