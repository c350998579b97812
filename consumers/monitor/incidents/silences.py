"""Silences: which incidents are recorded without being shown, until when, by whom and why.

They are read from a TOML file, ``silences.toml`` in streamsim's home, or the file of the setting
``silences``::

    [[silence]]
    domain = "water"              # each is a pattern with * and ?; by default *
    rule = "suspected_leak"
    subject = "street 12*"
    until = 2025-03-01T18:00:00Z  # by the wall clock; or until_event_time, or both
    who = "ada"
    why = "the pipes are flushed"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from streamsim.consumers.monitor.incidents.incident import Cause
from streamsim.streams.errors import UsageError

_PATTERNS = ("domain", "rule", "subject")
_ENDS = ("until", "until_event_time")
_REASONS = ("who", "why")


@dataclass(frozen=True, slots=True)
class Silence:
    """Incidents that are not shown for a while.

    Parameters
    ----------
    domain, rule, subject
        Patterns of the cause, with ``*`` and ``?``.
    who, why
        Who asked for silence, and why.
    until, until_event_time
        Over from this wall time or event time on, whichever comes first (ms); ``None``: no such
        end.

    Raises
    ------
    UsageError
        If it has no end, or does not say who and why.
    """

    who: str
    why: str
    domain: str = "*"
    rule: str = "*"
    subject: str = "*"
    until: int | None = None
    until_event_time: int | None = None

    def __post_init__(self) -> None:
        if missing := [name for name in _REASONS if not getattr(self, name).strip()]:
            raise UsageError(f"a silence says {' and '.join(missing)}")
        if self.until is None and self.until_event_time is None:
            raise UsageError("a silence has an end: until, or until_event_time")

    def holds(self, cause: Cause, event_ms: int, wall_ms: int) -> bool:
        """Say whether it silences a cause at an event time and a wall time (ms).

        >>> silence = Silence("ada", "flushing", subject="street 1?", until_event_time=60_000)
        >>> cause = Cause("water", "suspected_leak", "street 12")
        >>> silence.holds(cause, 59_999, 0), silence.holds(cause, 60_000, 0)
        (True, False)
        """
        matches = all(fnmatchcase(getattr(cause, n), getattr(self, n)) for n in _PATTERNS)
        is_over = (self.until is not None and wall_ms >= self.until) or (
            self.until_event_time is not None and event_ms >= self.until_event_time
        )
        return matches and not is_over


def silence_of(
    silences: tuple[Silence, ...], cause: Cause, event_ms: int, wall_ms: int
) -> Silence | None:
    """Return the first silence that holds for a cause, ``None`` if none does."""
    return next((one for one in silences if one.holds(cause, event_ms, wall_ms)), None)


def read_silences(path: Path) -> tuple[Silence, ...]:
    """Read a file of silences; without the file there are none.

    Raises
    ------
    UsageError
        If it cannot be read, or a silence in it cannot be; in a line that names the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    return parse_silences(text, str(path))


def parse_silences(text: str, name: str) -> tuple[Silence, ...]:
    r"""Parse the text of a file of silences.

    Parameters
    ----------
    name
        What errors call the file.

    Raises
    ------
    UsageError
        If it is no TOML, or a silence in it cannot be.

    Examples
    --------
    >>> parse_silences('[[silence]]\nrule = "drift"\nwho = "ada"', "silences.toml")
    Traceback (most recent call last):
    ...
    streamsim.streams.errors.UsageError: silences.toml, silence 1: a silence says why
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: no TOML: {error}") from None
    entries = told.pop("silence", [])
    if told or not isinstance(entries, list):
        raise UsageError(f"{name}: it holds [[silence]] and nothing else")
    found = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(_silence(entry))
        except UsageError as error:
            raise UsageError(f"{name}, silence {number}: {error}") from None
    return tuple(found)


def _silence(entry: Any) -> Silence:
    if not isinstance(entry, Mapping):
        raise UsageError("it is not a table")
    known = (*_PATTERNS, *_ENDS, *_REASONS)
    if foreign := sorted(entry.keys() - set(known)):
        raise UsageError(f"there is no {foreign[0]!r}; there are: {', '.join(known)}")
    for key in (*_PATTERNS, *_REASONS):
        if not isinstance(entry.get(key, ""), str):
            raise UsageError(f"{key} is a text, not {entry[key]!r}")
    given: dict[str, Any] = dict.fromkeys(_REASONS, "") | dict(entry)
    return Silence(**given | {key: _instant(key, entry[key]) for key in _ENDS if key in entry})


def _instant(key: str, value: Any) -> int:
    """Return an instant in ms; a local time is none."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise UsageError(f"{key} is a time with its zone (2025-03-01T18:00:00Z), not {value!s}")
    return round(value.timestamp() * 1000)
