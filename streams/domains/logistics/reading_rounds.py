"""Rounds of readings: at most one of each entity, so that a round is one array operation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Ints, Slots

from .degradation import MISSING

Quanta = npt.NDArray[np.int32]


class Run:
    """Readings in the order of their rounds.

    Attributes
    ----------
    counted, there, value
        Quanta, whether a sensor has said anything, and its quanta or 0; shape ``(n, n_sensors)``.
    place, turn
        Each reading's entity, as its row in a round, and its round.
    """

    def __init__(self, counted: Quanta, edges: list[int]) -> None:
        self.counted, self.edges = counted, edges
        self.there = counted != MISSING
        self.value = np.where(self.there, counted, 0).astype(np.int64)
        sizes = np.diff(edges)
        self.turn: Ints = np.repeat(np.arange(len(sizes)), sizes)
        self._begin = np.array(edges[:-1])
        self.place: Ints = np.arange(len(counted)) - self._begin[self.turn]

    def row(self, place: Ints, turn: Ints) -> Ints:
        """Return the rows of entities' readings in rounds; a wrong one for a round below 0."""
        rows: Ints = self._begin[turn.clip(0)] + place
        return rows


def rounds(slots: Slots) -> tuple[Slots, Slots, list[int]]:
    """Sort readings into rounds with at most one per entity; a round is of the first of ``own``.

    Returns
    -------
    own
        The entities, those with the most readings first.
    rows
        The readings, round by round, each in the order of ``own``.
    edges
        Where the rounds begin and end in ``rows``.

    >>> own, rows, edges = rounds(np.array([7, 3, 7, 3, 3]))
    >>> own.tolist(), rows.tolist(), edges
    ([3, 7], [1, 0, 3, 2, 4], [0, 2, 4, 5])
    """
    entity, place, count = np.unique(slots, return_inverse=True, return_counts=True)
    order = np.argsort(-count, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    grouped = np.argsort(place, kind="stable")
    turn = np.empty(len(slots), np.intp)
    turn[grouped] = np.arange(len(slots)) - np.repeat(np.cumsum(count) - count, count)
    rows = np.lexsort((rank[place], turn))
    edges = np.cumsum(np.bincount(turn))
    return entity[order], rows, [0, *edges.tolist()]
