"""Dead letters as documents: kept in a run's folder, counted by reason, and read again from there.

A letter is a JSON line of ``dead.jsonl``. Its ``record`` is what was sent, and can be mended;
``original`` is what the row was in its file.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from streamsim.simulator.report.effect import RecentIdentities, identity
from streamsim.streams.errors import UsageError
from streamsim.streams.events import (
    ATTEMPTS,
    FOUND_AT,
    ORIGINAL_HASH,
    REASON,
    RECORD,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
    first_headers,
)
from streamsim.streams.tables.exact_json import exact_json
from streamsim.streams.tables.json_rows import dump_row

FILE = "dead"
"""Name under which a run keeps its dead letters (``dead.jsonl``)."""
KINDS = 50
"""Most reasons of a domain that are counted separately."""
_VALUE = re.compile(r"(: )?'.*", re.DOTALL)
_PLACE = re.compile(r"\b\d[\d,]*\b")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that was no event.

    Attributes
    ----------
    id
        Topic, partition and offset of the record that was refused.
    reason
        Which field is wrong, and why.
    found_at
        File and line that it comes from, if it comes from a file.
    attempts
        How often it was sent.
    key
        The record's key as text.
    record
        The event as JSON, to be mended; ``None`` if it is none.
    original
        The row in its file, or the record's bytes that are no JSON; bytes that are no text are in
        ``base64:``.
    masked
        Whether personal data were masked in it: then it cannot be sent again.
    """

    id: str
    domain: str
    source: str
    reason: str
    found_at: str
    attempts: int
    key: str | None
    record: dict[str, Any] | None
    original: str
    masked: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types; what its record holds is not copied."""
        return {own.name: getattr(self, own.name) for own in fields(self)}

    def line(self) -> bytes:
        """Return it as a line of JSON, with every digit of its numbers."""
        return dump_row(self.as_dict())

    @property
    def order(self) -> tuple[str, int, int]:
        """Its place among the records of its topic: partition and offset."""
        topic, partition, offset = self.id.rsplit("/", 2)
        return topic, int(partition), int(offset)


def letter_of(record: Any) -> DeadLetter:
    """Return a record of a dead-letter topic as a document."""
    headers = {name: value or b"" for name, value in first_headers(record.headers).items()}

    def text(name: str) -> str:
        # Any producer may have written it, and a screen will show it.
        shown = headers.get(name, b"").decode("utf-8", "replace")
        return "".join(sign if sign.isprintable() else "\ufffd" for sign in shown)

    value = record.value or b""
    sent = headers.get(RECORD, value)
    source = text(SOURCE_TOPIC)
    attempts = text(ATTEMPTS)
    return DeadLetter(
        f"{source}/{text(SOURCE_PARTITION)}/{text(SOURCE_OFFSET)}",
        record.topic.partition(".")[0],
        source.partition(".")[2],
        text(REASON),
        text(FOUND_AT),
        int(attempts) if attempts.isdigit() and len(attempts) < 6 else 1,
        None if record.key is None else _text(record.key),
        _object(sent),
        _text(value),
        ORIGINAL_HASH in headers,
    )


def kind_of(reason: str) -> str:
    """Return a reason without the value that it shows, to count by.

    >>> [kind_of(r) for r in ("amount: not an integer: '12'", "6 cells under a header of 5")]
    ['amount: not an integer', '... cells under a header of ...']
    """
    short = _VALUE.sub("", reason)
    return short if ": " in short else _PLACE.sub("...", short)


class Reasons:
    """Counts of dead letters by domain and reason; bounded."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}

    def add(self, letter: DeadLetter) -> None:
        """Count a letter."""
        own = self.counts.setdefault(letter.domain, Counter())
        kind = kind_of(letter.reason)
        own[kind if kind in own or len(own) < KINDS else "other reasons"] += 1

    def text(self, domain: str, most: int = 3) -> str:
        """Return the most common reasons of a domain in a line; empty without any."""
        return ", ".join(f"{n:,} x {why}" for why, n in self._of(domain).most_common(most))

    def as_dict(self, domain: str) -> dict[str, int]:
        """Return a domain's counts, the most common reason first."""
        return dict(self._of(domain).most_common())

    def _of(self, domain: str) -> Counter[str]:
        return self.counts.get(domain, Counter())


class DeadLetters:
    """The dead letters of a run as they arrive: counted, and kept in its folder.

    A worker that was restored sends some of them again; these are recognised.
    """

    def __init__(self, reasons: Reasons) -> None:
        self._reasons, self._recent = reasons, RecentIdentities()

    def take(self, record: Any, keep: Callable[[str, bytes], None] | None) -> None:
        """Take a record of a dead-letter topic; ``keep`` appends a line to a file of the run."""
        if not self._recent.is_new(identity(record)):
            return
        letter = letter_of(record)
        self._reasons.add(letter)
        if keep is not None:
            keep(FILE, letter.line())


def read_letters(path: Path) -> Iterator[DeadLetter]:
    """Yield the letters of a file, as ``streamsim dead export`` writes them.

    Raises
    ------
    UsageError
        If the file cannot be read, or a line of it is no letter.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parsed(path, number, line)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None


def _parsed(path: Path, number: int, line: bytes) -> DeadLetter:
    try:
        found = DeadLetter(**exact_json(line.decode()))
        if not isinstance(found.record, (dict, type(None))):
            raise TypeError("record is an object, or null")
        found.order  # noqa: B018 - an id that has no place is refused here
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}:{number}: no dead letter ({error})") from None
    return found


def once_more(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Return letters in the order in which their records were, each as one more attempt."""
    by_id = {letter.id: letter for letter in letters}
    ordered = sorted(by_id.values(), key=lambda letter: letter.order)
    return [replace(letter, attempts=letter.attempts + 1) for letter in ordered]


def _object(value: bytes) -> dict[str, Any] | None:
    try:
        found = exact_json(value.decode())
        if not isinstance(found, dict):
            return None
        dump_row(found)  # what is nested too deeply to be written again has no record
    except (ValueError, RecursionError):
        return None
    return found


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()


def pretty(letter: DeadLetter) -> str:
    """Return a letter as indented JSON, in ASCII: a screen obeys none of its signs."""
    return json.dumps(letter.as_dict(), indent=2)
