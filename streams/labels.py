"""What label events say, read from their topics' records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from streamsim.streams.codec import decode_objects, parse_times
from streamsim.streams.events import NO_TIME, Floats, Ints, Mask
from streamsim.streams.spec import Labels


class Label(NamedTuple):
    """What was true of an event, and since when that is known (ms)."""

    known: int
    value: int


def read_labels(labelling: Labels, values: Iterable[bytes | None]) -> dict[str, Label]:
    """Return the label of each event that has one; of several, the one that is known last.

    What is no label is left out: it is a dead letter.
    """
    objects, _ = decode_objects(list(values))
    bodies = [body for body in objects if body and isinstance(body.get(labelling.key), str)]
    times = parse_times([body.get("event_time") for body in bodies]).tolist()
    labels: dict[str, Label] = {}
    for body, known in zip(bodies, times, strict=True):
        value = 1 if labelling.field is None else body.get(labelling.field)
        before = labels.get(body[labelling.key])
        if known != NO_TIME and type(value) is int and (before is None or known >= before.known):
            labels[body[labelling.key]] = Label(known, value)
    return labels


def read_numbers(labelling: Labels, field: str, values: Iterable[bytes | None]) -> dict[str, float]:
    """Return what label events say in a field that holds a number, by the event they are about.

    Of several, the one that is known last counts.
    """
    objects, _ = decode_objects(list(values))
    bodies = [body for body in objects if body and isinstance(body.get(labelling.key), str)]
    times = parse_times([body.get("event_time") for body in bodies])
    found: dict[str, float] = {}
    for row in np.argsort(times, kind="stable").tolist():
        value = bodies[row].get(field)
        if times[row] != NO_TIME and type(value) in (int, float):
            found[bodies[row][labelling.key]] = float(value)
    return found


def numbers_of(numbers: Mapping[str, float], event_ids: Sequence[str]) -> Floats:
    """Return what was true of each event, NaN where nobody says."""
    return np.array([numbers.get(event_id, np.nan) for event_id in event_ids], np.float64)


def label_of(
    labelling: Labels, labels: Mapping[str, Label], event_ids: Sequence[str]
) -> tuple[Ints, Mask]:
    """Return what was true of each event, and whether it can be said at all."""
    missing = -1 if labelling.unlabelled is None else labelling.unlabelled
    found = (labels.get(event_id) for event_id in event_ids)
    value = np.array([missing if one is None else one.value for one in found], np.int64)
    return value, value >= 0
