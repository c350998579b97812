"""Privacy: neither a pseudonym nor a redacted text names a person."""

from __future__ import annotations

import hashlib
import re
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streamsim.streams.domains.healthcare.clinical.plain import note_words
from streamsim.streams.errors import UsageError
from streamsim.streams.privacy import pseudonyms
from streamsim.streams.privacy.plain import plain_words
from streamsim.streams.privacy.pseudonyms import LONGEST_TEXT, SHORTEST_KEY, pseudonym

KEYS = st.binary(min_size=SHORTEST_KEY, max_size=80).filter(lambda k: len(set(k)) >= 8)
IDS = st.text(min_size=1, max_size=50)
NAMES = st.from_regex(r"[A-Z][a-z]{2,9}", fullmatch=True).filter(
    lambda n: n.lower() not in plain_words() | note_words()
)
DIGITS = st.integers(10_000, 99_999_999).map(str)
KEY = bytes(range(32))


def redact(text: str, key: bytes | None = None) -> str:
    return pseudonyms.redact(text, key, note_words())


@given(IDS, IDS, KEYS)
def test_pseudonyms_are_equal_where_ids_are(one: str, other: str, key: bytes) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", pseudonym(one, key, "patient"))
    assert (pseudonym(one, key, "patient") == pseudonym(other, key, "patient")) == (one == other)


@given(IDS, KEYS, KEYS)
def test_pseudonyms_of_other_keys_and_fields_cannot_be_joined(
    identifier: str, key: bytes, other: bytes
) -> None:
    assume(key.ljust(64, b"\0") != other.ljust(64, b"\0"))  # HMAC fills a key up with zeros
    assert pseudonym(identifier, key, "patient") != pseudonym(identifier, other, "patient")
    assert pseudonym(identifier, key, "patient") != pseudonym(identifier, key, "encounter")


@given(st.text(max_size=10), st.text(max_size=10), st.text(min_size=1, max_size=5))
def test_field_and_identifier_cannot_be_cut_elsewhere(field: str, end: str, rest: str) -> None:
    if end:
        assert pseudonym(end + rest, KEY, field) != pseudonym(rest, KEY, field + end)


@given(IDS)
def test_a_pseudonym_is_no_hash_that_anybody_can_make(identifier: str) -> None:
    content = identifier.encode("utf-8", "surrogatepass")
    assert pseudonym(identifier, KEY, "patient") != hashlib.sha256(content).hexdigest()[:32]


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 64, bytes(range(SHORTEST_KEY - 1))], ids=len)
def test_a_weak_key_is_refused(key: bytes) -> None:
    with pytest.raises(UsageError, match="at least 32 random bytes"):
        pseudonym("4711", key, "patient")


def test_an_identifier_that_is_none_is_refused() -> None:
    for wrong in ("", "9" * 5_000):
        with pytest.raises(UsageError, match="identifier"):
            pseudonym(wrong, KEY, "patient")


TEMPLATES = st.sampled_from(
    [
        "Patient {name} {other} denies chest pain.",
        "Seen by Dr. {name} on {date} for cough.",
        "{name} has diabetes. MRN: {number}.",
        "Follow up with Mrs. {name}, phone {phone}, {mail}.",
        "He lives at {house} {name} Street with his wife {other}.",
        '{{"name": "{name} {other}", "patient_id": "{number}", "note": "No fever"}}',
        "History of gout ({other}, {name}), seen {date}.",
        "REASON: {name}'s cough. Record #{number}.",
    ]
)
DATES = st.dates(date(1900, 1, 1), date(2099, 12, 31)).flatmap(
    lambda d: st.sampled_from(
        [d.isoformat(), f"{d:%m/%d/%Y}", f"{d.day} {d:%B} {d:%Y}", f"{d:%b} {d.day}, {d:%Y}"]
    )
)


@given(
    template=TEMPLATES,
    name=NAMES,
    other=NAMES,
    day=DATES,
    number=DIGITS,
    phone=st.from_regex(r"\(?[2-9]\d{2}\)?[ -][2-9]\d{2}-\d{4}", fullmatch=True),
    house=st.integers(1, 9_999),
)
def test_nothing_that_was_planted_is_left(
    template: str, name: str, other: str, day: str, number: str, phone: str, house: int
) -> None:
    mail = f"{name.lower()}.{number}@example.org"
    text = template.format(
        name=name, other=other, date=day, number=number, phone=phone, mail=mail, house=house
    )
    left = redact(text)
    words = set(re.findall(r"[A-Za-z]+", left))
    assert not {name, name.lower(), other} & words
    assert number not in left
    assert mail not in left
    assert "{date}" not in template or day not in left
    assert "{phone}" not in template or phone not in left
    assert "{house}" not in template or f"{house} " not in left


@given(st.text(max_size=300))
def test_any_text_becomes_one_without_long_numbers_or_addresses(text: str) -> None:
    left = redact(text)
    if not left.startswith("[withheld"):
        assert not re.search(r"\d{5,}|@", left)


@given(st.text(alphabet=st.characters(min_codepoint=0x370), min_size=3, max_size=40))
def test_another_script_is_withheld(text: str) -> None:
    if any(c.isalpha() for c in text):
        assert redact(text) == f"[withheld: {len(text)} characters]"


def test_what_cannot_be_judged_is_withheld_and_known_again_by_its_hash() -> None:
    text = "pt john roe has chest pain"
    first, again = redact(text, KEY), redact(text, KEY)
    assert first == again
    assert re.fullmatch(r"\[withheld: 26 characters, [0-9a-f]{32}\]", first)
    assert redact(text, KEY[::-1]) != first
    assert redact(first) == first
    assert redact("x" * (LONGEST_TEXT + 1)).startswith("[withheld")
    assert redact("JOHN ROE CAME").startswith("[withheld")


def test_what_matters_to_a_reader_stays() -> None:
    text = "Patient with diabetes and chest pain, BP 120/80, on Lasix 40 mg. No fever."
    assert redact(text) == text


@pytest.mark.parametrize("piece", ["a.", "1-", "A ", "Dr. ", "[", "1 a ", "x@", "A-", "1/", "é"])
def test_no_text_takes_long(piece: str) -> None:
    """Patterns are bounded: twice the text takes about twice as long, not four times."""
    redact((piece * LONGEST_TEXT)[:LONGEST_TEXT])
