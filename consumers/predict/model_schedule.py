"""Which version of a model answers an event: by the event's time, as ``ops.models`` tells it.

A schedule is complete up to a time, and events from then on wait. It only grows, and what it has
said of a time it says for ever: a replay after a crash meets the same versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamsim.streams.codec import format_times, parse_times
from streamsim.streams.events import NO_TIME, Ints
from streamsim.streams.signature import Signature

RENEWED, UNCHANGED = "renewed", "unchanged"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a model's versions from some time on.

    Attributes
    ----------
    version
        Which answers last.
    since
        From when on (ms); ``NO_TIME``: from the beginning.
    until
        The time from which on it is not known yet which answers (ms).
    """

    model: str
    version: str
    threshold: float
    since: int
    until: int
    is_new: bool

    def as_record(self, run: str) -> dict[str, Any]:
        """Write it for ``ops.models``, where several runs may have told of theirs."""
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


def read_entry(body: Mapping[str, Any], run: str, model: str) -> Entry | None:
    """Read a record of ``ops.models``; ``None`` if it is of another run or model, or says other."""
    is_entry = body.get("event") in (RENEWED, UNCHANGED)
    if not is_entry or body.get("run") != run or body.get("model") != model:
        return None
    since, until = parse_times([body["effective_from"], body["known_until"]]).tolist()
    is_new = body["event"] == RENEWED
    return Entry(model, body["version"], float(body["threshold"]), since, until, is_new)


class Schedule:
    """The versions of one model, in the order in which they take effect.

    Parameters
    ----------
    champion
        Answers until the first renewed one does.
    """

    def __init__(self, champion: Signature) -> None:
        self._since = np.array([NO_TIME])
        self._signatures = [champion]
        self.until = NO_TIME
        """The time from which on it is not known yet which version answers (ms)."""

    def add(self, entry: Entry) -> bool:
        """Take in what comes next; return whether more is known by it. A repeat says nothing."""
        if entry.until <= self.until:
            return False
        self.until = entry.until
        if entry.is_new:
            self._since = np.append(self._since, entry.since)
            renewed = replace(self._signatures[0], version=entry.version, threshold=entry.threshold)
            self._signatures.append(renewed)
        return True

    def numbers(self, times: Ints) -> Ints:
        """Return which version answers events of these times, by its number here."""
        return np.searchsorted(self._since, times, side="right") - 1

    def signature(self, number: int) -> Signature:
        """Return what a version says of itself."""
        return self._signatures[number]
