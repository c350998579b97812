"""Model schedule: which version of a model scores an event, by its event time.

The entries are read from ``ops.models``. A schedule is complete up to a time; later events wait. It
is append-only: a replay after a crash uses the same versions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import NoneType
from typing import Any

import numpy as np

from streamsim.streams.codec import format_times, parse_times
from streamsim.streams.events import NO_TIME, Ints
from streamsim.streams.signature import Signature
from streamsim.streams.stored.foreign_records import NUMBER, Kinds, check_fields, read_fields

RENEWED, UNCHANGED = "renewed", "unchanged"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the schedule: one version and its time.

    Attributes
    ----------
    version
        The version that scores from ``since`` to ``until``.
    since
        Start of its time (ms); ``NO_TIME``: from the beginning.
    until
        End of the known schedule (ms).
    is_new
        Whether the version is new, or the last one continues.
    """

    model: str
    version: str
    threshold: float
    since: int
    until: int
    is_new: bool

    def as_record(self, run: str) -> dict[str, Any]:
        """Write the entry for ``ops.models``, which several runs may share."""
        since, until = format_times(np.array([max(self.since, 0), self.until]))
        return {
            "event": RENEWED if self.is_new else UNCHANGED,
            "run": run,
            "model": self.model,
            "version": self.version,
            "threshold": self.threshold,
            "effective_from": None if self.since == NO_TIME else since,
            "known_until": until,
        }


def read_entry(value: bytes | None, run: str, model: str) -> Entry | None:
    """Read a record of ``ops.models``; ``None`` if it is of another run, model or kind.

    Raises
    ------
    ForeignRecordError
        If it is none.
    """
    body = read_lifecycle(value)
    is_entry = body.get("event") in (RENEWED, UNCHANGED)
    if not is_entry or body.get("run") != run or body.get("model") != model:
        return None
    check_fields(body, {"known_until": str})
    since, until = parse_times([body["effective_from"], body["known_until"]]).tolist()
    is_new = body["event"] == RENEWED
    return Entry(model, body["version"], float(body["threshold"]), since, until, is_new)


def read_lifecycle(value: bytes | None) -> dict[str, Any]:
    """Read a record of ``ops.models``, of any kind.

    Raises
    ------
    ForeignRecordError
        If it is none.
    """
    kinds: dict[str, Kinds] = dict.fromkeys(("event", "model", "version"), str)
    kinds |= {"threshold": NUMBER, "effective_from": (str, NoneType)}
    return read_fields(value, kinds)


class Schedule:
    """The versions of one model, in the order in which they take effect.

    Parameters
    ----------
    champion
        Scores until the first renewed version takes effect.
    """

    def __init__(self, champion: Signature) -> None:
        self._since = np.array([NO_TIME])
        self._signatures = [champion]
        self.until = NO_TIME
        """End of the known schedule (ms): later events must wait."""

    def add(self, entry: Entry) -> bool:
        """Append an entry; return whether it extends the schedule. A repeat does not."""
        if entry.until <= self.until:
            return False
        self.until = entry.until
        if entry.is_new:
            self._since = np.append(self._since, entry.since)
            renewed = replace(self._signatures[0], version=entry.version, threshold=entry.threshold)
            self._signatures.append(renewed)
        return True

    def numbers(self, times: Ints) -> Ints:
        """Return the number of the version that scores events at these times."""
        return np.searchsorted(self._since, times, side="right") - 1

    def signature(self, number: int) -> Signature:
        """Return the signature of a version."""
        return self._signatures[number]
