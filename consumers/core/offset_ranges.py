"""Sorted offsets encoded as ranges, since most of them are consecutive."""

from __future__ import annotations

import numpy as np

from streamsim.streams.events import Ints


def as_ranges(offsets: Ints) -> Ints:
    """Encode sorted offsets as pairs of a first offset and the number of consecutive ones.

    >>> as_ranges(np.array([3, 4, 5, 9])).tolist(), from_ranges(np.array([3, 3, 9, 1])).tolist()
    ([3, 3, 9, 1], [3, 4, 5, 9])
    """
    if not len(offsets):
        return np.empty(0, np.int64)
    first = np.flatnonzero(np.concatenate(([True], np.diff(offsets) != 1)))
    count = np.diff(np.append(first, len(offsets)))
    return np.column_stack([offsets[first], count]).ravel()


def from_ranges(pairs: Ints) -> Ints:
    """Decode the pairs of :func:`as_ranges`."""
    first, count = pairs.reshape(-1, 2).T
    start = np.repeat(first - (np.cumsum(count) - count), count)
    return start + np.arange(int(count.sum()))
