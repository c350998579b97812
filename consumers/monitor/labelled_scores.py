"""Labelled scores, as the label join publishes them in buckets of event time."""

from __future__ import annotations

from dataclasses import dataclass

from streamsim.consumers.state.store import Parts
from streamsim.streams.errors import ForeignRecordError, StateError
from streamsim.streams.events import Ints
from streamsim.streams.stored.packing import unpack

MICRO = 1_000_000
"""Scores have six decimals; they are stored as whole millionths."""
NO_SHADOW = -1
"""In place of a shadow's score: there was no shadow, or it did not answer."""
FIXED = 4
"""Columns of a score before the items of its slate."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledScores:
    """A published bucket of one partition.

    Attributes
    ----------
    since, until
        Its begin and end (ms of event time).
    unlabelled
        How many scores have no label, though theirs is final.
    names
        Names of the segments.
    time, score, label
        Of each score: its event's time (ms), millionths, its label.
    version, shadow, segment
        Code of its version, the shadow's millionths (``NO_SHADOW``), code of its segment.
    """

    partition: int
    since: int
    until: int
    unlabelled: int
    names: tuple[str, ...]
    time: Ints
    score: Ints
    label: Ints
    version: Ints
    shadow: Ints
    segment: Ints

    @property
    def columns(self) -> tuple[Ints, ...]:
        """The columns of scores, time first."""
        return self.time, self.score, self.label, self.version, self.shadow, self.segment


_LABELLED = ("time", "score", "label", "version", "shadow", "segment")


def read_labelled(value: bytes | None) -> LabelledScores:
    """Read a published record.

    Raises
    ------
    ForeignRecordError
        If it is none.
    """
    try:
        columns = Parts([unpack(value or b"")])
        rows = tuple(map(columns.ints, _LABELLED))
        p, since, until, unlabelled = columns.ints("span").tolist()
        names = tuple(columns.texts("names"))
    except (StateError, KeyError, ValueError, TypeError) as error:
        raise ForeignRecordError(f"no labelled scores ({error})") from None
    if len({len(column) for column in rows}) > 1:
        raise ForeignRecordError("no labelled scores: columns of different length")
    return LabelledScores(p, since, until, unlabelled, names, *rows)
