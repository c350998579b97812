"""The labels of a domain: which event each is about, what it says, and when it is known."""

from __future__ import annotations

from dataclasses import dataclass

from streamsim.streams.errors import UsageError


@dataclass(frozen=True, slots=True)
class Labels:
    """How the labels of a domain's scores are read.

    Parameters
    ----------
    key
        Field of a label event that holds the ``event_id`` of the event it is about.
    delay
        By when a label is known at the latest, after the event it is about (ms).
    field
        Integer field of a label event that says what was true; ``None``: each label says 1.
    unlabelled
        What was true of an event whose label has not come within ``delay``; ``None``: not known.

    Raises
    ------
    UsageError
        If the delay is negative, or nothing could ever be labelled other than 1.
    """

    key: str
    delay: int
    field: str | None = None
    unlabelled: int | None = 0

    def __post_init__(self) -> None:
        if self.delay < 0:
            raise UsageError(f"labels have a delay of {self.delay} ms; it cannot be negative")
        if self.field is None and self.unlabelled in (None, 1):
            raise UsageError("labels without a field all say 1: what has none must say otherwise")
