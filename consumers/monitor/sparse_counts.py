"""Counts of buckets of event time as columns of integers, without empty cells."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import Ints


def sparse(counts: Mapping[int, Ints]) -> Columns:
    """Return counts per bucket's begin by column.

    >>> columns = sparse({60: np.array([0, 5, 0]), 120: np.array([1, 0, 0])})
    >>> {name: column.tolist() for name, column in columns.items()}
    {'bucket': [60, 120], 'place': [1, 3], 'count': [5, 1]}
    """
    flat = np.concatenate([np.empty(0, np.int64), *(own.ravel() for own in counts.values())])
    place = np.flatnonzero(flat)
    return {"bucket": np.array(list(counts), np.int64), "place": place, "count": flat[place]}


def dense(shape: tuple[int, ...], columns: Parts) -> dict[int, Ints]:
    """Return counts per bucket's begin, each of a shape, from the newest such columns.

    Raises
    ------
    ValueError, TypeError, IndexError
        If they are none.
    """
    bucket, place, count = (columns.last(name) for name in ("bucket", "place", "count"))
    if len(place) != len(count) or (len(place) and not 0 <= place.min() <= place.max()):
        raise ValueError("counts that are in no cell")
    flat = np.zeros(len(bucket) * prod(shape), np.int64)
    flat[place] = count
    return dict(zip(bucket.tolist(), flat.reshape(len(bucket), *shape), strict=True))
