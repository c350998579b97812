"""Viewing histories: lists of titles as a sparse matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints

Histories: TypeAlias = Sequence[npt.ArrayLike]
"""Per user the seen titles, as item indices, the oldest first; of repeats the last counts."""


def as_titles(history: npt.ArrayLike) -> Ints:
    """Return a history as indices.

    Raises
    ------
    UsageError
        If it is not a row of indices of at least 0.
    """
    titles = np.asarray(history)
    if not titles.size:
        return np.zeros(0, np.int64)
    if titles.ndim != 1 or titles.dtype.kind not in "iu" or titles.min() < 0:
        raise UsageError("a history must be a row of item indices of at least 0")
    return titles.astype(np.int64, copy=False)


def as_rows(histories: Histories, items: int, half_life: float | None = None) -> Any:
    """Return histories as a sparse matrix, shape ``(users, items)``, in the order of the titles.

    Titles beyond ``items`` are left out. With a half-life, a title's weight halves with every so
    many later titles.

    >>> as_rows([[2, 0, 2], [1, 9]], 3).toarray().tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    >>> as_rows([[2, 0, 2], [1, 9]], 3, half_life=1).toarray().tolist()
    [[0.5, 0.0, 1.0], [0.0, 0.5, 0.0]]
    """
    _check(half_life)
    every = [as_titles(history) for history in histories]
    lengths = np.array([len(titles) for titles in every], np.int64)
    titles = np.concatenate(every) if every else np.zeros(0, np.int64)
    user = np.repeat(np.arange(len(every)), lengths)
    later = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(titles)) - 1
    inside = titles < items
    titles, user, later = titles[inside], user[inside], later[inside]
    # Reversed, because unique takes the first of repeats and the last one counts.
    cell, place = np.unique((user * max(1, items) + titles)[::-1], return_index=True)
    count = np.ones(len(cell), np.float32)
    if half_life is not None:
        count = np.power(0.5, later[::-1][place] / half_life).astype(np.float32)
    return sparse.csr_array(
        (count, (cell // max(1, items), cell % max(1, items))), shape=(len(every), items)
    )


def newest_first(titles: Ints, items: int, half_life: float | None = None) -> Any:
    """Return histories in the columns of a matrix as :func:`as_rows` does.

    Parameters
    ----------
    titles
        Item indices, the newest first, below 0 for none; shape ``(users, n)``.

    >>> newest_first(np.array([[2, 0, 2], [9, 1, -1]]), 3, half_life=1).toarray().tolist()
    [[0.5, 0.0, 1.0], [0.0, 0.5, 0.0]]
    """
    _check(half_life)
    users, n = titles.shape
    there = titles >= 0
    later = np.cumsum(there, axis=1) - 1
    order = np.argsort(titles, axis=1, kind="stable")
    ranked = np.take_along_axis(titles, order, axis=1)
    # The sort is stable: of repeats the newest stands first, and counts.
    counts = (ranked >= 0) & (ranked < items)
    counts[:, 1:] &= ranked[:, 1:] != ranked[:, :-1]
    value = np.ones(counts.sum(), np.float32)
    if half_life is not None:
        by_age = np.power(0.5, np.arange(n) / half_life).astype(np.float32)
        value = by_age[np.take_along_axis(later, order, axis=1)[counts]]
    ends = np.concatenate([[0], np.cumsum(counts.sum(axis=1))])
    return sparse.csr_array((value, ranked[counts], ends), shape=(users, items))


def _check(half_life: float | None) -> None:
    if half_life is not None and not half_life > 0:
        raise UsageError(f"half_life must be above 0, not {half_life}")
