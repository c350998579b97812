"""Labels of a domain: which event each is about, its value, and when it is known."""

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
        How long after its event a label is known at the latest (ms).
    field
        Integer field of a label event with the label; ``None``: each label is 1.
    unlabelled
        Label of an event that has none after ``delay``; ``None``: unknown.

    Raises
    ------
    UsageError
        If the delay is negative, or every label would be 1.
    """

    key: str
    delay: int
    field: str | None = None
    unlabelled: int | None = 0

    def __post_init__(self) -> None:
        if self.delay < 0:
            raise UsageError(f"labels have a delay of {self.delay} ms; it cannot be negative")
        if self.field is None and self.unlabelled in (None, 1):
            raise UsageError("labels without a field are all 1: unlabelled must be set, and not 1")
