"""Times as texts: the one format in which all values of a column are instants."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from streamsim.streams.reading.formats import Instants

if TYPE_CHECKING:
    import pandas as pd

_CLOCK = r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?\s?(?:Z|[+-]\d\d:?\d\d)?)?"
_ISO = re.compile(r"\d{4}-\d\d-\d\d" + _CLOCK, re.ASCII | re.IGNORECASE)
_OTHER = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2\d{4}(?: (\d{1,2}:\d\d)(:\d\d)?( ?[AaPp][Mm])?)?", re.ASCII
)


class TimeFormat(NamedTuple):
    """The format of a column's instants; ``None``, and why, if there is no such format."""

    format: Instants | None
    why_not: str = ""


def time_format(texts: Sequence[str], zone: str) -> TimeFormat:
    """Return the one format in which all texts are instants.

    A date needs a year of four digits, a month and a day. Where day and month could change places
    in every value, there is no such format.

    >>> time_format(["2025-03-01", "2025-03-01T10:00:00Z"], "UTC").format
    Instants(pattern='', zone='UTC', believe_offset=True)
    >>> time_format(["01/12/2010 08:05"], "UTC").why_not
    "'01/12/2010 08:05' may be the 1st of month 12 or the 12th of month 1; say which by its type"
    >>> time_format(["31/12/2010"], "UTC").format.pattern
    '%d/%m/%Y'
    """
    if all(map(_ISO.fullmatch, texts)):
        way = Instants("", zone)
        wrong = _first_unread(texts, way)
        return TimeFormat(None, f"{wrong!r} is no day") if wrong else TimeFormat(way)
    found = [_OTHER.fullmatch(text) for text in texts]
    parts = [own for own in found if own is not None]
    if len(parts) < len(texts):
        return TimeFormat(None)
    shapes = {
        (own[2], bool(own[4]), bool(own[5]), bool(own[6]), " " in (own[6] or "")) for own in parts
    }
    if len(shapes) > 1:
        return TimeFormat(None, "its dates are written in more than one format")
    mark, clock, seconds, half, blank = shapes.pop()
    behind = ""
    if clock:
        behind = f" %{'I' if half else 'H'}:%M{':%S' * seconds}{' ' * blank}{'%p' * half}"
    orders = [f"%d{mark}%m{mark}%Y"]
    if mark != ".":  # a point is for days first alone
        orders.append(f"%m{mark}%d{mark}%Y")
    ways = [
        way
        for order in orders
        if _first_unread(texts, way := Instants(order + behind, zone)) is None
    ]
    if len(ways) == 1:
        return TimeFormat(ways[0])
    if not ways:
        return TimeFormat(None, "its dates are written in more than one format")
    first = parts[0]
    day, month = int(first[1]), int(first[3])
    return TimeFormat(
        None,
        f"{texts[0]!r} may be the {_th(day)} of month {month} or the {_th(month)} of month {day}; "
        "say which by its type",
    )


def _th(day: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day not in (11, 12, 13) else 0, "th")
    return f"{day}{ending}"


def _first_unread(texts: Sequence[str], way: Instants) -> str | None:
    import pandas as pd

    column: pd.Series = pd.Series(list(texts), dtype=object)
    unread = way.timestamps(column).isna()
    return str(column[unread].iloc[0]) if unread.any() else None
