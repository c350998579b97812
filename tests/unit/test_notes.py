"""Findings of notes: a denied finding, or a relative's, does not count as the patient's."""

from __future__ import annotations

from collections import Counter

import pytest

from streamsim.streams.domains.healthcare.clinical.lexicon import KINDS, concepts
from streamsim.streams.domains.healthcare.clinical.negation import REACH
from streamsim.streams.domains.healthcare.clinical.notes import (
    LONGEST_NOTE,
    mentions,
    sections,
    sentences,
    tokens,
)

Found = dict[tuple[str, str], int]


def found(note: str) -> Found:
    return mentions(sentences(note))


@pytest.mark.parametrize(
    ("note", "denied", "had"),
    [
        ("Denies fever, chills, cough or chest pain.", {"fever", "chills", "cough", "chest_pain"},
         set()),
        ("No fever but has a cough.", {"fever"}, {"cough"}),
        ("She denies nausea and reports vomiting.", {"nausea"}, {"vomiting"}),
        ("No fever. Cough.", {"fever"}, {"cough"}),
        ("Pneumonia was ruled out.", {"pneumonia"}, set()),
        ("Cough is present, pneumonia is unlikely.", {"pneumonia"}, {"cough"}),
        ("Gram negative sepsis.", set(), {"sepsis"}),
        ("No increase in edema.", set(), {"edema"}),
        ("No evidence of pulmonary embolism.", {"pulmonary_embolism"}, set()),
        ("Seen by Dr. Who for gout without fever.", {"fever"}, {"gout"}),
        ("no rash\n- headache", {"rash"}, {"headache"}),
        ("Without any\nshortness of breath", {"shortness_of_breath"}, set()),
    ],
)  # fmt: skip
def test_negation_reaches_as_far_as_its_sentence_says(
    note: str, denied: set[str], had: set[str]
) -> None:
    states = found(note)
    assert {name for name, state in states if state == "not"} == denied
    assert {name for name, state in states if state == "has"} >= had
    assert not {name for name, state in states if state == "has"} & denied


def test_what_a_relative_has_is_not_the_patient_s() -> None:
    note = "PMH: diabetes.\nFamily History: Mother had breast cancer. No stroke.\nExam: edema."
    assert found(note) == {
        ("diabetes", "has"): 1,
        ("breast_cancer", "family"): 1,
        ("stroke", "not"): 1,
        ("edema", "has"): 1,
    }


def test_the_longest_term_wins() -> None:
    assert found("high blood pressure and low blood sugar") == {
        ("hypertension", "has"): 1,
        ("hypoglycemia", "has"): 1,
    }


def test_no_term_goes_from_one_sentence_into_the_next() -> None:
    assert ("heart_failure", "has") not in found("He has a heart. Failure was not an option.")


def test_sections_are_found_at_lines_and_within_them() -> None:
    names = [name for name, _ in sections("Hello. CC: cough.\nMEDICATIONS: aspirin.\nODDS: ends")]
    assert names == ["", "complaint", "medications", "other"]
    assert [name for name, _ in sections("took this: that")] == [""]


def test_no_number_of_a_note_is_a_term() -> None:
    terms = [t.term for t in tokens("Call 555-0199, MRN 4711, 12/03/2020, room B12, 98.6")]
    assert not any(c.isdigit() for term in terms for c in term)


def test_a_note_without_end_is_read_to_its_limit() -> None:
    words = tokens("cough " * 1_000_000)
    assert len(words) <= LONGEST_NOTE // 6 + 1
    denied = tokens("no " + "cough " * 3_000)
    assert sum(t.denied for t in denied) == REACH


def test_the_lexicon_names_each_thing_once() -> None:
    own = concepts()
    assert 250 <= len(own) <= 350
    assert Counter(c.kind for c in own.values()).keys() == set(KINDS)
    terms = Counter(term for c in own.values() for term in c.terms)
    assert [term for term, n in terms.items() if n > 1] == []
    for concept in own.values():
        for term in concept.terms:
            # Each term is found as written: notes and lexicon are split into the same tokens.
            assert [t.word for t in tokens(" ".join(term).replace("#", "2"))] == list(term)
