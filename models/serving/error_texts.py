"""Texts of the errors that estimators raise, without values of the rows."""

from __future__ import annotations

import re


def without_values(text: str) -> str:
    """Return an error's text in one line, without what may be of the rows: a person's features.

    What is in quotes or brackets, and numbers with decimals, are left out.

    >>> without_values("ValueError: Found unknown categories [13.2] in column 0")
    'ValueError: Found unknown categories [...] in column 0'
    >>> without_values("ValueError: could not convert 'Ann, 41' to float: 1e-05, or 7.5")
    "ValueError: could not convert '...' to float: ..., or ..."
    """
    return " ".join(_VALUES.sub(_left_out, text).split())


_VALUES = re.compile(
    r"""\[[^]]*\]?|'[^']*'?|"[^"]*"?|-?\d+(?:\.\d+(?:e[+-]?\d+)?|e[+-]?\d+)""", re.IGNORECASE
)


def _left_out(found: re.Match[str]) -> str:
    own = found[0]
    return f"{own[0]}...{_ENDS[own[0]]}" if own[0] in _ENDS else "..."


_ENDS = {"[": "]", "'": "'", '"': '"'}
