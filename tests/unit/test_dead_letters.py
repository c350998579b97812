"""Dead letters as documents: what they say, how they are counted, read again and put in order."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamsim.simulator.report.dead_letters import (
    KINDS,
    DeadLetters,
    Reasons,
    letter_of,
    once_more,
    pretty,
    read_letters,
)
from streamsim.streams.errors import UsageError


def record(
    value: bytes | None = b'{"event_id": "p1"}', offset: int = 7, **headers: str
) -> SimpleNamespace:
    named = {
        "reason": "card_id: missing",
        "source_topic": "finance.transactions",
        "source_partition": "3",
        "source_offset": str(offset),
        **headers,
    }
    return SimpleNamespace(
        topic="finance.dead",
        key=b"c1",
        value=value,
        headers=[(name, text.encode()) for name, text in named.items()],
    )


def test_a_letter_says_where_it_was_and_what_was_sent() -> None:
    sent = '{"event_id": "p1", "amount_cents": 89490200001234567890}'
    letter = letter_of(record(b"p1,c1,twelve", record=sent, found_at="a.csv:17", attempts="2"))
    assert (letter.id, letter.domain, letter.source) == (
        "finance.transactions/3/7", "finance", "transactions"
    )  # fmt: skip
    assert (letter.reason, letter.found_at, letter.attempts) == ("card_id: missing", "a.csv:17", 2)
    assert letter.original == "p1,c1,twelve"
    assert letter.record == {"event_id": "p1", "amount_cents": 89490200001234567890}
    assert b"89490200001234567890" in letter.line()


@pytest.mark.parametrize(
    ("value", "known", "original"),
    [
        (b'{"a": 1}', {"a": 1}, '{"a": 1}'),
        (b"[1]", None, "[1]"),
        (b"\xff\x00", None, "base64:/wA="),
        (None, None, ""),
    ],
)
def test_bytes_of_every_kind_are_kept(
    value: bytes | None, known: dict[str, Any] | None, original: str
) -> None:
    letter = letter_of(record(value, attempts="many"))
    assert (letter.record, letter.original, letter.attempts) == (known, original, 1)


@pytest.mark.parametrize(
    "value",
    [
        b'{"a": "\\ud800"}',
        b'{"a":' * 600 + b"1" + b"}" * 600,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"a": 1e-999, "b": 89490200001234567890}',
    ],
)
def test_no_foreign_record_spoils_the_file(tmp_path: Path, value: bytes) -> None:
    letter = letter_of(record(value, found_at="a\x1b[2Jb"))
    assert "\x1b" not in letter.found_at
    (tmp_path / "dead.jsonl").write_bytes(letter.line() + b"\n")
    assert list(read_letters(tmp_path / "dead.jsonl")) == [letter]
    assert json.loads(pretty(letter))["original"] == value.decode()


def test_a_letter_is_read_as_it_was_written(tmp_path: Path) -> None:
    letters = [letter_of(record(offset=n)) for n in (3, 1, 2)]
    path = tmp_path / "dead.jsonl"
    path.write_bytes(b"\n".join(letter.line() for letter in letters) + b"\n\n")
    assert list(read_letters(path)) == letters
    again = once_more([*read_letters(path), letters[0]])
    assert [letter.order[2] for letter in again] == [1, 2, 3]
    assert {letter.attempts for letter in again} == {2}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "dead.jsonl:1: no dead letter"),
        ("{}", "missing"),
        (json.dumps({"id": "x"}), "missing"),
        (None, "No such file"),
    ],
)
def test_a_file_that_has_no_letters_is_refused(tmp_path: Path, line: str | None, said: str) -> None:
    path = tmp_path / "dead.jsonl"
    if line is not None:
        path.write_text(line)
    with pytest.raises(UsageError, match=said):
        list(read_letters(path))


def test_reasons_are_counted_without_their_values_and_repeats_once() -> None:
    reasons = Reasons()
    letters = DeadLetters(reasons)
    for offset, why in enumerate(
        ("amount: not a number: 'a'", "amount: not a number: 'b'", "6 cells under a header of 5")
    ):
        for _ in range(2):
            letters.take(record(offset=offset, reason=why), None)
    assert reasons.as_dict("finance") == {
        "amount: not a number": 2, "... cells under a header of ...": 1
    }  # fmt: skip
    assert reasons.text("finance", 1) == "2 x amount: not a number"
    assert reasons.text("retail") == ""
    for offset in range(200):
        letters.take(record(offset=100 + offset, reason=f"field{'x' * offset}: bad"), None)
    assert len(reasons.as_dict("finance")) == KINDS + 1
