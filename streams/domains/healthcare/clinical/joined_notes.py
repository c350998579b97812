"""Judgement of many notes at once: their sentences, as far as they say anything.

The notes of a batch are joined to one text, which is split and read as codes of words, by array.
Words that are neither of the lexicon nor of a negation become one code, so that the sentences of
a batch are a few patterns of codes. Each pattern is judged once, by the functions of
:mod:`streamsim.streams.domains.healthcare.clinical.notes`, and the result is that of these.

A pattern holds words of the lexicon only: no name, date or number of a patient is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Ints

from .lexicon import words as lexicon_words
from .negation import WORDS as NEGATION
from .notes import FAMILY, LONGEST_NOTE, SHORT, Sentence, header, pieces, sentences

Codes: TypeAlias = npt.NDArray[np.uint16]

MOST_PATTERNS = 1 << 16
"""Patterns whose judgement is kept."""

# Marks are no ASCII: such notes have none of these bytes.
_NOTE, _END, _SECTION, _FAMILY = b"\xff", b"\xf0", b"\xf1", b"\xf2"
_DOT_CODE, _END_CODE, _SECTION_CODE, _FAMILY_CODE, _NOTE_CODE, _FIRST_CODE = range(1, 7)
_BOUND = np.zeros(256, bool)
_BOUND[list(b"\n.;:" + _NOTE)] = True
_WINDOW = 7
_NO_ITEM = re.compile(
    rb"\n(?!%s)"
    % b"|".join(
        [rb"[ \t]{0,7}[-*\n]", *(rb"[ \t]{%d}\d{1,%d}[.)]" % (n, _WINDOW - n) for n in range(7))]
    )
)
"""End of a line that is wrapped: what follows is no item of a list, as far as 8 characters show."""
_KEPT = b"abcdefghijklmnopqrstuvwxyz0123456789'-.,/:%!?;" + _NOTE + _END + _SECTION + _FAMILY
_PLAIN = bytes(byte if byte in _KEPT else 32 for byte in (bytes(range(256)).lower()))
"""Lower case; a blank for all that is in no word, number or end."""


class Judge:
    """Judges notes by their sentences.

    Parameters
    ----------
    relevant
        A sentence without one of these words is 0.
    judge
        Returns the bits of a sentence. Of its words it may ask for those of the lexicon and the
        relevant ones, and which are denied; all others are given as empty texts.
    """

    def __init__(self, relevant: Iterable[str], judge: Callable[[Sentence], int]) -> None:
        self._relevant, self._judge = frozenset(relevant), judge
        known = sorted(lexicon_words() | NEGATION | SHORT | self._relevant)
        self._words = [*[""] * _FIRST_CODE, *known]
        self._code = {word: code for code, word in enumerate(known, _FIRST_CODE)}
        self._is_short = np.array([word in SHORT for word in self._words])
        self._is_relevant = np.array([word in self._relevant for word in self._words])
        marks = {_END: _END_CODE, _SECTION: _SECTION_CODE, _FAMILY: _FAMILY_CODE, _NOTE: _NOTE_CODE}
        self._marks = {mark: _packed([code]) for mark, code in marks.items()}
        self._known = self._marks | {w.encode(): self._read(w) for w in known if w.isascii()}
        self._patterns: dict[tuple[bytes, bool], int] = {}

    def bits(self, notes: Sequence[object]) -> Ints:
        """Return the bits of each note: those of all of its sentences. What is no text has none."""
        found = np.zeros(len(notes), np.int64)
        rows = []
        for row, note in enumerate(notes):
            if not isinstance(note, str):
                continue
            if note.isascii():
                rows.append(row)
            else:
                found[row] = self._singly(note)
        if rows:
            found[rows] = self._together([notes[row][:LONGEST_NOTE] for row in rows])  # type: ignore[index]
        return found

    def _singly(self, note: str) -> int:
        bits = 0
        for sentence in sentences(note):
            if not self._relevant.isdisjoint(sentence.words):
                bits |= self._judge(sentence)
        return bits

    def _together(self, notes: Sequence[str]) -> Ints:
        codes = self._codes(_marked(notes))
        starts = codes == _NOTE_CODE
        is_dot = codes == _DOT_CODE
        place = np.arange(len(codes))
        before = np.maximum.accumulate(np.where(is_dot, 0, place))
        is_end = (codes > 0) & (codes < _FIRST_CODE) & ~(is_dot & self._is_short[codes[before]])
        is_word = ~is_end & ~is_dot
        begins = starts | (codes == _SECTION_CODE) | (codes == _FAMILY_CODE)
        section = codes[np.maximum.accumulate(np.where(begins, place, 0))]
        words, sentence = codes[is_word], np.cumsum(is_end)[is_word]
        relevant = self._is_relevant[words]
        asked, at = np.unique(sentence[relevant], return_index=True)
        found = np.zeros(len(notes), np.int64)
        if not len(asked):
            return found
        # Words without a meaning before the first and behind the last one with a meaning say
        # nothing: without them there are fewer patterns.
        meant = np.flatnonzero(words)
        of = sentence[meant]
        first = meant[np.searchsorted(of, asked)].tolist()
        last = meant[np.searchsorted(of, asked, "right") - 1].tolist()
        family = (section[is_word][relevant][at] == _FAMILY_CODE).tolist()
        number = np.cumsum(starts)[is_word][relevant][at] - 1
        raw, patterns = words.tobytes(), self._patterns
        bits = []
        for begin, end, own in zip(first, last, family, strict=True):
            pattern = raw[2 * begin : 2 * end + 2], own
            known = patterns.get(pattern)
            bits.append(self._judged(pattern) if known is None else known)
        np.bitwise_or.at(found, number, bits)
        return found

    def _judged(self, pattern: tuple[bytes, bool]) -> int:
        if len(self._patterns) >= MOST_PATTERNS:
            self._patterns.clear()
        codes = np.frombuffer(pattern[0], np.uint16).tolist()
        sentence = Sentence(FAMILY if pattern[1] else "", [self._words[code] for code in codes])
        return self._patterns.setdefault(pattern, self._judge(sentence))

    def _codes(self, text: bytes) -> Codes:
        """Return the codes of a text's words and marks, 0 for a word without a meaning."""
        chunks = text.split()
        known = dict(self._known)
        for chunk in set(chunks).difference(known):
            known[chunk] = self._read(chunk.decode("latin-1"))
        return np.frombuffer(b"".join(map(known.__getitem__, chunks)), np.uint16)

    def _read(self, chunk: str) -> bytes:
        """Return the codes of what stands between two blanks."""
        return _packed(
            _DOT_CODE if piece == "." else _END_CODE if piece in "!?;" else self._code.get(piece, 0)
            for piece in pieces(chunk)
        )


def _packed(codes: Iterable[int]) -> bytes:
    return np.fromiter(codes, np.uint16).tobytes()


def _marked(notes: Sequence[str]) -> bytes:
    r"""Join notes in lower case, with marks for their beginnings, headers and ends.

    >>> _marked(["No gout\nor flu.\nFH: None", "- a"]).split()
    [b'\xff', b'no', b'gout', b'or', b'flu.', b'\xf2', b'none', b'\xff', b'-', b'a']
    """
    text = _NOTE + _NOTE.join(note.encode() for note in notes)
    letters = np.frombuffer(text, np.uint8)
    bounds = np.flatnonzero(_BOUND[letters])
    colons = np.flatnonzero(letters[bounds] == ord(":"))
    headers: dict[bytes, bytes] = {}
    parts: list[bytes] = []
    at = 0
    ends, begins = bounds[colons].tolist(), bounds[colons - 1]
    after_colon = (letters[begins] == ord(":")).tolist()
    for begin, end, odd in zip(begins.tolist(), ends, after_colon, strict=True):
        if odd:
            continue
        name = text[begin + 1 : end]
        mark = headers.get(name)
        if mark is None:
            section = header(name.decode())
            mark = b"" if section is None else _FAMILY if section == FAMILY else _SECTION
            headers[name] = mark
        if mark:
            parts += (text[at : begin + 1], mark)
            at = end + 1
    text = b" ".join([*parts, text[at:]])
    text = _NO_ITEM.sub(b" ", text).replace(b"\n", b" %s " % _END)
    return text.translate(_PLAIN).replace(_NOTE, b" %s " % _NOTE)
