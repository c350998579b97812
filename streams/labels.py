"""Label events: reading labels and numbers from their topics' records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from streamsim.streams.codec import decode_objects, parse_times
from streamsim.streams.events import NO_TIME, Floats, Ints, Mask
from streamsim.streams.spec import Labels


class Label(NamedTuple):
    """The label of an event, and when it became known (ms)."""

    known: int
    value: int


def read_labels(labelling: Labels, values: Iterable[bytes | None]) -> dict[str, Label]:
    """Return the label of each labelled event; of several, the one that became known last.

    A record that is not a label is skipped: it is a dead letter.
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
    """Return a numeric field of label events, by the id of the labelled event.

    Of several, the one that became known last counts.
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
    """Return the number of each event, NaN where there is none."""
    return np.array([numbers.get(event_id, np.nan) for event_id in event_ids], np.float64)


def label_of(
    labelling: Labels, labels: Mapping[str, Label], event_ids: Sequence[str]
) -> tuple[Ints, Mask]:
    """Return the label of each event, and a mask of the events whose label is known."""
    missing = -1 if labelling.unlabelled is None else labelling.unlabelled
    found = (labels.get(event_id) for event_id in event_ids)
    value = np.array([missing if one is None else one.value for one in found], np.int64)
    return value, value >= 0
