"""Flags: yes and no as programs write them."""

from __future__ import annotations

_YES = frozenset(("1", "1.0", "true", "t", "yes", "y"))
_NO = frozenset(("0", "0.0", "-0.0", "false", "f", "no", "n"))


def flag_of(value: object) -> bool | None:
    """Return what a value says; ``None`` if it is neither yes nor no.

    >>> [flag_of(v) for v in (True, 1.0, "Yes", "f", 0, "2", None)]
    [True, True, True, False, False, None, None]
    """
    text = str(value).strip().lower()
    return True if text in _YES else False if text in _NO else None
