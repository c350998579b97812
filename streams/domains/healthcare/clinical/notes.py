"""Tokens of doctors' notes, each with its section and whether it is negated.

A note is split into sections at its headers and into sentences at their ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .lexicon import index
from .negation import negated

LONGEST_NOTE = 20_000
"""Longest note (characters); the rest is ignored, and a column shows that there was more."""
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
_NAME = re.compile(r"[ \t]*(?P<name>[A-Za-z][A-Za-z/ -]{1,38}?)[ \t]*")
_HEADER = re.compile(rf"(?:(?<=[\n.;])|^){_NAME.pattern}:", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{1,40}(?:['-][^\W\d_]{1,40}){0,4}|\d[\d.,/:%-]{0,30}|[.!?;\n]")
_ASCII_WORD = re.compile(
    r"[a-z]{1,40}(?:['-][a-z]{1,40}){0,4}|[0-9][0-9.,/:%-]{0,30}|[.!?;\n]", re.ASCII
)
"""The same for text in lower case without other letters: several times as fast."""
_ENDS = frozenset(".!?;\n")
SHORT = frozenset(("dr", "mr", "mrs", "ms", "vs", "e", "g", "i", "p", "o", "q", "d", "st"))
"""Abbreviations, whose full stop ends no sentence."""

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
        known = _section_of(found["name"])
        if known is None:
            continue
        if found.start() > begin:
            yield section, note[begin : found.start()]
        section, begin = known, found.end()
    if begin < len(note):
        yield section, note[begin:]


def header(text: str) -> str | None:
    """Return the section that a text before a colon begins, ``None`` if it is no header.

    The text must follow a note's beginning, the end of a line, a full stop or a semicolon.

    >>> header(" Past Medical History"), header("ODD NAME"), header("he said")
    ('past_history', 'other', None)
    """
    found = _NAME.fullmatch(text)
    return None if found is None else _section_of(found["name"])


def _section_of(name: str) -> str | None:
    known = _SECTION_OF.get(" ".join(name.lower().split()))
    return "other" if known is None and name.isupper() else known


def pieces(text: str) -> list[str]:
    """Return the words and the ends of sentences of ASCII text in lower case.

    >>> pieces("dr. who's 2.5 mg;")
    ['dr', '.', "who's", '#', 'mg', ';']
    """
    return [NUMBER if piece[0].isdigit() else piece for piece in _ASCII_WORD.findall(text)]


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
            if piece == "." and words and words[-1] in SHORT:
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
