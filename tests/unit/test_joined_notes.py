"""Notes that are judged together say what each says by itself."""

from __future__ import annotations

from functools import reduce
from operator import or_

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.streams.domains.healthcare.clinical import joined_notes
from streamsim.streams.domains.healthcare.clinical.joined_notes import Judge
from streamsim.streams.domains.healthcare.clinical.notes import (
    LONGEST_NOTE,
    Sentence,
    mentions,
    sentences,
)

NAMED = ("fever", "chest_pain", "diabetes", "stroke", "edema")
FIRST = {
    "fever",
    "febrile",
    "chest",
    "diabetes",
    "diabetic",
    "type",
    "dm",
    "stroke",
    "cva",
    "edema",
}
PLACES = {
    pair: place
    for place, pair in enumerate((name, how) for name in NAMED for how in ("has", "not", "family"))
}


def judged(sentence: Sentence) -> int:
    return sum(1 << PLACES[pair] for pair in mentions([sentence]) if pair in PLACES)


def singly(note: str) -> int:
    relevant = [s for s in sentences(note) if not FIRST.isdisjoint(s.words)]
    return reduce(or_, map(judged, relevant), 0)


WORDS = st.sampled_from(
    ["fever", "Fever", "chest", "pain", "chest-pain", "diabetes", "type", "2", "dm", "stroke",
     "edema", "no", "No", "denies", "absent", "was", "ruled", "out", "but", "is", "has", "not",
     "dr", "Dr.", "e.g.", "vs.", "mother's", "x-ray", "1,000", "10:30", "5."]
)  # fmt: skip
BETWEEN = st.sampled_from(
    [" ", " ", " ", ". ", ".", "..", "; ", "\n", "\n\n", "\n- ", "\n 1) ", "\n       - ",
     "\n        - ", "\n123456. ", "\n1234567. ", "\n12345678. ", "\n\t* ", ", ", "! ", "?",
     "\r\n", ": ", "FH: ", ".FH:", "\nFamily History: ", "\n PMH :", "\nODD NAME: ", "\nA : ",
     "\x1c", "\x01"]
)  # fmt: skip
PLAIN = st.lists(st.tuples(WORDS, BETWEEN), max_size=25).map(lambda own: "".join(map("".join, own)))
ANY = st.text("ab é.;:\n-1)FH\xff\xf0•µ", max_size=30)
NOTES = st.lists(st.one_of(PLAIN, ANY, st.tuples(PLAIN, ANY).map("".join)), max_size=6)


@given(NOTES)
def test_together_they_say_what_each_says(notes: list[str]) -> None:
    assert Judge(FIRST, judged).bits(notes).tolist() == [singly(note) for note in notes]


@given(st.lists(PLAIN, max_size=6))
def test_what_was_judged_before_changes_nothing(notes: list[str]) -> None:
    judge = Judge(FIRST, judged)
    first = judge.bits(notes).tolist()
    assert judge.bits(notes[::-1]).tolist() == first[::-1]


def test_no_name_is_kept() -> None:
    seen: list[str] = []

    def judge(sentence: Sentence) -> int:
        seen.extend(sentence.words)
        return 1

    assert Judge(FIRST, judge).bits(["Mrs. Doe of 12 Elm Street denies chest pain"]).tolist() == [1]
    assert set(seen) >= {"denies", "chest", "pain"}
    assert not {"doe", "elm", "street", "12"} & set(seen)


def test_only_so_many_patterns_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined_notes, "MOST_PATTERNS", 2)
    notes = [f"{denied} {name}." for denied in ("No", "Has") for name in ("fever", "edema", "cva")]
    assert Judge(FIRST, judged).bits(notes).tolist() == [singly(note) for note in notes]


def test_what_is_no_text_says_nothing_and_a_long_note_ends() -> None:
    long = "x " * (LONGEST_NOTE // 2 - 4) + "fever and edema"
    notes = [None, "", "fever", long, 5]
    found = Judge(FIRST, judged).bits(notes).tolist()
    assert found == [0, 0, singly("fever"), singly(long), 0]
    assert found[3] == singly("fever")
