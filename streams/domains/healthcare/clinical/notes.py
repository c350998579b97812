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
_ASCII_WORD = re.compile(
    r"[a-z]{1,40}(?:['-][a-z]{1,40}){0,4}|[0-9][0-9.,/:%-]{0,30}|[.!?;\n]", re.ASCII
)
"""The same for text in lower case without other letters: several times as fast."""
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
_LINE_END = re.compile(r"\n")
_NEW_ITEM = re.compile(r"[ \t]*(?:[-*•\n]|\d+[.)])")


@dataclass(slots=True)
class Sentence:
    """A sentence of a note: its section and its words in lower case."""

    section: str
    words: list[str]
    _denied: list[bool] | None = None

    @property
    def denied(self) -> list[bool]:
        """Whether each word is within the scope of a negation."""
        if self._denied is None:
            self._denied = negated(self.words)
        return self._denied


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


def sentences(note: str) -> list[Sentence]:
    """Return the sentences of a note, of its first :data:`LONGEST_NOTE` characters.

    >>> [(s.section, s.words) for s in sentences("Seen by Dr. Who. Exam: 2 scars")]
    [('', ['seen', 'by', 'dr', 'who']), ('exam', ['#', 'scars'])]
    """
    return [
        Sentence(section, words)
        for section, text in sections(note[:LONGEST_NOTE])
        for words in _sentences(text)
    ]


def tokens(note: str) -> list[Token]:
    """Return the words of a note, of its first :data:`LONGEST_NOTE` characters.

    >>> [t.term for t in tokens("Denies fever or chills, but has had 3 days of cough.")]
    ['denies', 'not_fever', 'not_or', 'not_chills', 'but', 'has', 'had', '#', 'days', 'of', 'cough']
    >>> [t.term for t in tokens("FH: Gout. EXAM: Edema was absent")]
    ['family_gout', 'not_edema', 'was', 'absent']
    """
    return [
        Token(word, sentence.section, denied, number)
        for number, sentence in enumerate(sentences(note))
        for word, denied in zip(sentence.words, sentence.denied, strict=True)
    ]


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


def _sentences(text: str) -> Iterator[list[str]]:
    if "\n" in text:
        text = _LINE_END.sub(_joined_or_ended, text)
    if text.isascii():
        pieces = _ASCII_WORD.findall(text.lower())
    else:
        pieces = [piece.lower() for piece in _WORD.findall(text)]
    words: list[str] = []
    for piece in pieces:
        if piece.isalpha():
            words.append(piece)
        elif piece in _ENDS:
            if piece == "." and words and words[-1] in _SHORT:
                continue
            if words:
                yield words
            words = []
        else:
            words.append(NUMBER if piece[0].isdigit() else piece)
    if words:
        yield words


def _joined_or_ended(end: re.Match[str]) -> str:
    """Return a space for the end of a wrapped line, which ends no sentence; else the end itself."""
    after = end.string[end.end() : end.end() + 8]
    return " " if _NEW_ITEM.match(after) is None else "\n"


def mentions(note: Iterable[Sentence]) -> dict[tuple[str, str], int]:
    r"""Count the lexicon's concepts: by name and by ``has``, ``not`` or ``family``.

    >>> mentions(sentences("No chest pain. Takes Lasix.\nFamily history: heart attack"))
    {('chest_pain', 'not'): 1, ('loop_diuretic', 'has'): 1, ('myocardial_infarction', 'family'): 1}
    """
    counts: dict[tuple[str, str], int] = {}
    entries = index()
    for sentence in note:
        words, i = sentence.words, 0
        if entries.keys().isdisjoint(words):
            continue
        while i < len(words):
            length = 1
            for term, name in entries.get(words[i], ()):
                if len(term) == 1 or tuple(words[i : i + len(term)]) == term:
                    length = len(term)
                    where = FAMILY if sentence.section == FAMILY else "has"
                    key = name, "not" if sentence.denied[i + length - 1] else where
                    counts[key] = counts.get(key, 0) + 1
                    break
            i += length
    return counts
