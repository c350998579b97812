"""Negation in sentences of doctors' notes.

It follows NegEx: the scope of a negating phrase extends forwards, or backwards, to the end of the
sentence or to a word that ends it. In NegEx's first version it is five tokens. Lists of denied
symptoms are longer, so that here the scope is that of ConText.

References
----------
Chapman, Bridewell, Hanbury, Cooper and Buchanan (2001), A simple algorithm for identifying negated
findings and diseases in discharge summaries, *Journal of Biomedical Informatics* 34, 301-310.
Harkema, Dowling, Thornblade and Chapman (2009), ConText, *Journal of Biomedical Informatics* 42,
839-851.
"""

from __future__ import annotations

from collections.abc import Mapping

REACH = 40
"""Longest scope of a negation (tokens), where no sentence ends."""

# The phrases are our own; the four kinds are NegEx's.
_FORWARD = """no; not; without; denies; denied; deny; denying; never; negative for; absence of;
no evidence of; no sign of; no signs of; no history of; free of; rules out; ruled out for;
fails to reveal; unremarkable for; declines; lack of; lacks; neither; nor; cannot; none of;
no known; did not; does not; do not; has not; have not; was not; were not; is not; are not; n't"""
_BACKWARD = """was ruled out; is ruled out; ruled out; are ruled out; were ruled out; unlikely;
was negative; is negative; were negative; are negative; was absent; is absent; absent; not seen;
not present; was denied; negative; not appreciated; not identified; resolved"""
_PSEUDO = """no increase; no change; no significant change; not only; gram negative; no further;
without difficulty; not certain if; not necessarily; no doubt; not sure; no longer than"""
_STOPS = """but; however; although; though; except; aside from; apart from; besides; secondary to;
due to; because of; since; which; who; has; have; had; reports; reported; complains of;
presents with; presented with; admits; endorses; states; developed; still; yet; otherwise;
then; is; are; was; were; takes; taking"""

Phrases = Mapping[str, tuple[tuple[str, ...], ...]]


def _phrases(text: str) -> Phrases:
    """Return phrases by their first word, longest first."""
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for phrase in text.split(";"):
        words = tuple(phrase.split())
        by_first.setdefault(words[0], []).append(words)
    return {first: tuple(sorted(own, key=len, reverse=True)) for first, own in by_first.items()}


_PSEUDOS, _FORWARDS, _BACKWARDS, _STOPPERS = (
    _phrases(text) for text in (_PSEUDO, _FORWARD, _BACKWARD, _STOPS)
)
_KINDS = (_PSEUDOS, _FORWARDS, _BACKWARDS, _STOPPERS)
_COPULAS = frozenset(("is", "are", "was", "were"))
_NEGATING = frozenset((*_FORWARDS, *_COPULAS))
_BY_FIRST: Mapping[str, tuple[tuple[tuple[str, ...], Phrases], ...]] = {
    first: tuple(
        sorted(
            ((phrase, kind) for kind in _KINDS for phrase in kind.get(first, ())),
            key=lambda entry: -len(entry[0]),
        )
    )
    for first in dict.fromkeys(first for kind in _KINDS for first in kind)
}
"""The phrases of all kinds with their kind, by their first word, longest first."""
WORDS = frozenset(
    word for phrases in _BY_FIRST.values() for phrase, _ in phrases for word in phrase
)
"""All words of the phrases: any other word only takes up a place in a scope."""


def negated(words: list[str]) -> list[bool]:
    """Return which words of a sentence are negated; negating words themselves are not.

    >>> words = "no increase in cough and no wheezing".split()
    >>> [w for w, denied in zip(words, negated(words)) if denied]
    ['wheezing']
    """
    denied = [False] * len(words)
    if _BY_FIRST.keys().isdisjoint(words):
        return denied
    reach, begin, copula, i = 0, 0, 0, 0
    while i < len(words):
        word = words[i]
        entries = _BY_FIRST.get(word)
        if entries is None:
            if reach:
                denied[i], reach = True, reach - 1
            i += 1
            continue
        length, kind = 1, None
        for phrase, own in entries:
            if len(phrase) == 1 or tuple(words[i : i + len(phrase)]) == phrase:
                length, kind = len(phrase), own
                break
        if word in _COPULAS:
            # Two clauses may have different subjects, so that the scope ends between them.
            begin, copula = max(begin, copula), i
        if kind is _FORWARDS:
            reach = REACH
        elif kind is _BACKWARDS:
            for j in range(max(begin, i - REACH), i):
                denied[j] = words[j] not in _NEGATING
            reach = 0
        elif kind is _STOPPERS or kind is _PSEUDOS:
            reach = 0
            if kind is _STOPPERS and word not in _COPULAS:  # "edema is now absent"
                begin = i
        elif reach:
            denied[i], reach = True, reach - 1
        i += length
    return denied
