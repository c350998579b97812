"""Titles and the columns of the weights: all titles have one, or the most watched of many."""

from __future__ import annotations

import numpy as np

from streamsim.streams.events import Ints, Matrix

from .ranking import NONE

MOST_TITLES = 4_000
"""Most titles that have weights, as these are one matrix in memory: of more, the most watched."""


def most_watched(titles: Ints) -> Ints | None:
    """Return the numbers of the titles that get a column, rising.

    Parameters
    ----------
    titles
        The number of the title of each view, from 1.

    Returns
    -------
    ``None`` if no number is too high: then each title's column is its number, less 1.
    """
    if titles.max(initial=0) <= MOST_TITLES:
        return None
    number, count = np.unique(titles, return_counts=True)
    return np.sort(number[np.argsort(-count, kind="stable")[:MOST_TITLES]])


def columns_of(titles: Ints, numbers: Ints | None) -> Ints:
    """Return the columns of titles, below 0 for those that have none.

    >>> columns_of(np.array([7, 0, 30, 8]), np.array([7, 30])).tolist()
    [0, -1, 1, -1]
    >>> columns_of(np.array([7, 0]), None).tolist()
    [6, -1]
    """
    if numbers is None:
        return titles - 1
    place = np.searchsorted(numbers, titles)
    found = np.append(numbers, NONE)[place] == titles
    return np.where(found & (titles > 0), place, NONE)


def titles_of(columns: Ints, numbers: Ints | None) -> Ints:
    """Return the titles of columns, 0 for none.

    >>> titles_of(np.array([1, NONE]), np.array([7, 30])).tolist()
    [30, 0]
    """
    if numbers is None:
        return columns + 1
    return np.where(columns == NONE, 0, numbers[np.maximum(columns, 0)])


def on_offer(offered: Matrix, numbers: Ints | None) -> Matrix | Ints:
    """Return how many columns, from the first, are of titles up to a number.

    >>> on_offer(np.array([6, 7, 100]), np.array([7, 30])).tolist()
    [0, 1, 2]
    """
    return offered if numbers is None else np.searchsorted(numbers, offered, side="right")
