"""Tokens of doctors' notes, each with its section and whether it is negated.

A note is split into sections at its headers and into sentences at their ends. Negation follows
NegEx: the scope of a negating phrase extends forwards, or backwards, to the end of the sentence or
to a word that ends it. In NegEx's first version it is five tokens. Lists of denied symptoms are
longer, so that here the scope is that of ConText.

References
----------
Chapman, Bridewell, Hanbury, Cooper and Buchanan (2001), A simple algorithm for identifying negated
findings and diseases in discharge summaries, *Journal of Biomedical Informatics* 34, 301-310.
Harkema, Dowling, Thornblade and Chapman (2009), ConText, *Journal of Biomedical Informatics* 42,
839-851.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .lexicon import index

LONGEST_NOTE = 20_000
"""Longest note (characters); the rest is ignored, and a column shows that there was more."""
REACH = 40
"""Longest scope of a negation (tokens), where no sentence ends."""
FAMILY = "family"
NUMBER = "#"
"""Placeholder of every number: numbers in notes are doses, dates and telephone numbers."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a note.

    Attributes
    ----------
    word
        The word in lower case.
    section
        Its section; empty before the first header.
    denied
        Whether it is within the scope of a negation.
    sentence
        Number of its sentence.
    """

    word: str
    section: str
    denied: bool
    sentence: int

    @property
    def term(self) -> str:
        """The word with the prefixes of its section and negation."""
        family = f"{FAMILY}_" if self.section == FAMILY else ""
        return f"{family}not_{self.word}" if self.denied else family + self.word


SECTIONS: Mapping[str, str] = {
    "complaint": "chief complaint, cc, reason for visit, reason for admission",
    "history": "history of present illness, hpi, history, interval history, subjective",
    "past_history": "past medical history, pmh, medical history, past surgical history, psh,"
    " surgical history, past history",
    "family": "family history, fh, fhx, family medical history",
    "social": "social history, sh, habits",
    "allergies": "allergies, drug allergies, allergy",
    "medications": "medications, current medications, home medications, discharge medications,"
    " medications on admission, meds",
    "review": "review of systems, ros",
    "exam": "physical examination, physical exam, examination, exam, vital signs, vitals",
    "labs": "laboratory data, laboratory, labs, lab results, laboratory results",
    "imaging": "imaging, radiology, diagnostic studies, x-ray, chest x-ray, ct, mri, ekg, ecg",
    "procedures": "procedures, procedure, operations, procedures performed",
    "course": "hospital course, emergency department course, ed course, clinical course",
    "assessment": "assessment, impression, diagnosis, diagnoses, discharge diagnosis,"
    " assessment and plan, discharge diagnoses",
    "plan": "plan, recommendations, treatment plan, discharge instructions, instructions",
    "disposition": "disposition, follow-up, follow up, discharge disposition",
}
"""Headers of each section; any other text that looks like a header begins section ``other``."""
_SECTION_OF = {name: key for key, names in SECTIONS.items() for name in re.split(r", ?", names)}
_HEADER = re.compile(
    r"(?:(?<=[\n.;])|^)[ \t]*(?P<name>[A-Za-z][A-Za-z/ -]{1,38}?)[ \t]*:", re.MULTILINE
)
_WORD = re.compile(r"[^\W\d_]{1,40}(?:['-][^\W\d_]{1,40}){0,4}|\d[\d.,/:%-]{0,30}|[.!?;\n]")
_ENDS = frozenset(".!?;\n")
_SHORT = frozenset(("dr", "mr", "mrs", "ms", "vs", "e", "g", "i", "p", "o", "q", "d", "st"))

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


_KINDS = tuple(_phrases(text) for text in (_PSEUDO, _FORWARD, _BACKWARD, _STOPS))
_PSEUDOS, _FORWARDS, _BACKWARDS, _STOPPERS = _KINDS


def sections(note: str) -> Iterator[tuple[str, str]]:
    r"""Split a note at its headers.

    >>> list(sections("Seen today. Allergies: none.\nFAMILY HISTORY: gout"))
    [('', 'Seen today.'), ('allergies', ' none.\n'), ('family', ' gout')]
    """
    section, begin = "", 0
    for found in _HEADER.finditer(note):
        known = _SECTION_OF.get(" ".join(found["name"].lower().split()))
        if known is None and not found["name"].isupper():
            continue
        if found.start() > begin:
            yield section, note[begin : found.start()]
        section, begin = known or "other", found.end()
    if begin < len(note):
        yield section, note[begin:]


def tokens(note: str) -> list[Token]:
    """Return the words of a note, of its first :data:`LONGEST_NOTE` characters.

    >>> [t.term for t in tokens("Denies fever or chills, but has had 3 days of cough.")]
    ['denies', 'not_fever', 'not_or', 'not_chills', 'but', 'has', 'had', '#', 'days', 'of', 'cough']
    >>> [t.term for t in tokens("FH: Gout. EXAM: Edema was absent")]
    ['family_gout', 'not_edema', 'was', 'absent']
    """
    found: list[Token] = []
    number = 0
    for section, text in sections(note[:LONGEST_NOTE]):
        for words in _sentences(text):
            denied = negated(words)
            found += [
                Token(word, section, no, number) for word, no in zip(words, denied, strict=True)
            ]
            number += 1
    return found


def negated(words: list[str]) -> list[bool]:
    """Return which words of a sentence are negated; negating words themselves are not.

    >>> words = "no increase in cough and no wheezing".split()
    >>> [w for w, denied in zip(words, negated(words)) if denied]
    ['wheezing']
    """
    denied = [False] * len(words)
    reach, begin, copula, i = 0, 0, 0, 0
    while i < len(words):
        length, kind = _phrase(words, i)
        if words[i] in _COPULAS:
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
            if kind is _STOPPERS and words[i] not in _COPULAS:  # "edema is now absent"
                begin = i
        elif reach:
            denied[i], reach = True, reach - 1
        i += length
    return denied


_COPULAS = frozenset(("is", "are", "was", "were"))
_NEGATING = frozenset((*_FORWARDS, *_COPULAS))


def _phrase(words: list[str], i: int) -> tuple[int, Phrases | None]:
    """Return length and kind of the longest phrase at a place; one word if there is none."""
    best, kind = 0, None
    for phrases in _KINDS:
        for phrase in phrases.get(words[i], ()):
            if len(phrase) > best and tuple(words[i : i + len(phrase)]) == phrase:
                best, kind = len(phrase), phrases
                break
    return max(best, 1), kind


def _sentences(text: str) -> Iterator[list[str]]:
    words: list[str] = []
    for found in _WORD.finditer(text):
        piece = found[0]
        if piece == "\n":
            # A wrapped line continues a sentence; a list's item and an empty line do not.
            ends = re.match(r"[ \t]*(?:[-*•\n]|\d+[.)])", text[found.end() : found.end() + 8])
            if ends is None:
                continue
        if piece in _ENDS:
            if piece == "." and words and words[-1] in _SHORT:
                continue
            if words:
                yield words
            words = []
        else:
            words.append(NUMBER if piece[0].isdigit() else piece.lower())
    if words:
        yield words


def mentions(note: Iterable[Token]) -> dict[tuple[str, str], int]:
    r"""Count the lexicon's concepts: by name and by ``has``, ``not`` or ``family``.

    >>> mentions(tokens("No chest pain. Takes Lasix.\nFamily history: heart attack"))
    {('chest_pain', 'not'): 1, ('loop_diuretic', 'has'): 1, ('myocardial_infarction', 'family'): 1}
    """
    own = list(note)
    counts: dict[tuple[str, str], int] = {}
    entries, i = index(), 0
    while i < len(own):
        length = 1
        for term, name in entries.get(own[i].word, ()):
            piece = own[i : i + len(term)]
            if tuple(t.word for t in piece) == term and piece[0].sentence == piece[-1].sentence:
                length = len(term)
                where = FAMILY if piece[0].section == FAMILY else "has"
                key = name, "not" if piece[-1].denied else where
                counts[key] = counts.get(key, 0) + 1
                break
        i += length
    return counts
