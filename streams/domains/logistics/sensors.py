"""Columnar state of many entities' sensors, from which degradation features are computed.

A batch is processed in rounds of one reading per entity; a round is one array operation over all
entities that have another reading. A result depends on its own entity's past only, to the bit:
neither the size of batches nor the other entities in them matter
(:mod:`streamsim.streams.domains.logistics.degradation` has the definitions).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.errors import StateError, UsageError
from streamsim.streams.events import Floats, Ints, Mask, Slots

from .degradation import MISSING, QUANTUM, Degradation

Quanta = npt.NDArray[np.int32]
Arrays = dict[str, npt.NDArray[Any]]
N, K, KK, S, KS = range(5)
"""Sums over the readings of a window that have the sensor: 1, age, age², value, age x value."""


class SensorState:
    """Sensor state of many entities, from which the features of their next readings follow.

    The caller numbers the entities. Arrays have the shape ``(entity, ..., sensor)``.

    >>> from .degradation import Reference
    >>> state = SensorState(Degradation(Reference(("t",), (90.0,), (2.0,)), windows=(2,)))
    >>> found = state.update(np.array([0, 1, 0]), np.array([[90.0], [np.nan], [94.0]]))
    >>> dict(zip(state.definition.names, found[2].tolist()))["mean_2_t"]
    1.0
    """

    def __init__(self, definition: Degradation) -> None:
        self.definition = definition
        self._windows = np.array(definition.windows, np.int64)[:, None]
        self._keep = max(definition.windows)
        self._fade = np.array([[0.5 ** (1.0 / h)] for h in definition.half_lives])
        self._arrays = self._empty(0)

    def __len__(self) -> int:
        """Return the capacity in entities."""
        return len(self._arrays["count"])

    def update(self, slots: Slots, values: Floats, anew: Mask | None = None) -> Floats:
        """Add readings in order, and return the features of each.

        Parameters
        ----------
        slots
            The entity of each reading, shape ``(n,)``.
        values
            Values in the sensors' units, shape ``(n, n_sensors)``; not finite means missing.
        anew
            Mask of the sensors whose past is cleared before this reading, because their component
            has been renewed, shape ``(n, n_sensors)``.

        Returns
        -------
        Shape ``(n, n_features)``; every number is finite.
        """
        n, width = len(slots), len(self.definition.reference.sensors)
        if values.shape != (n, width) or (anew is not None and anew.shape != (n, width)):
            raise UsageError(f"values must have the shape ({n}, {width}), not {values.shape}")
        found = np.empty((n, len(self.definition.names)))
        if not n:
            return found
        counted = self.definition.reference.quanta(values)
        own, rows, edges = rounds(slots)
        self._ensure(int(own.max()) + 1)
        work = {name: array[own] for name, array in self._arrays.items()}
        for begin, end in pairwise(edges):
            these = rows[begin:end]
            part = {name: array[: end - begin] for name, array in work.items()}
            if anew is not None and anew[these].any():
                self._begin_anew(part, anew[these])
            found[these] = self._step(part, counted[these])
        for name, array in work.items():
            self._arrays[name][own] = array
        return found

    def snapshot(self, slots: Slots) -> Arrays:
        """Return the state of these entities for a checkpoint, one row each."""
        self._ensure(int(slots.max(initial=-1)) + 1)
        return {name: self._arrays[name][slots] for name in self._arrays if name != "sums"}

    def restore(self, slots: Slots, arrays: Arrays) -> None:
        """Restore into these slots what :meth:`snapshot` returned.

        Raises
        ------
        StateError
            If it is the state of another definition.
        """
        wanted = {k: v for k, v in self._empty(len(slots)).items() if k != "sums"}
        if {k: (v.shape, v.dtype) for k, v in arrays.items()} != {
            k: (v.shape, v.dtype) for k, v in wanted.items()
        }:
            raise StateError("the checkpoint of the sensors does not fit their definition")
        self._ensure(int(slots.max(initial=-1)) + 1)
        for name, array in arrays.items():
            self._arrays[name][slots] = array
        self._arrays["sums"][slots] = self._sums_of(arrays)

    def _empty(self, n: int) -> Arrays:
        width, averages = len(self.definition.reference.sensors), len(self._fade)
        return {
            "count": np.zeros(n, np.int64),
            "past": np.full((n, self._keep, width), MISSING, np.int32),
            "seen": np.zeros((n, width), np.int64),
            "first": np.zeros((n, width), np.int64),
            "slow": np.zeros((n, averages, width)),
            "weight": np.zeros((n, averages, width)),
            "excess": np.zeros((n, 2, width)),
            "sums": np.zeros((n, 5, len(self._windows), width), np.int64),
        }

    def _ensure(self, wanted: int) -> None:
        more = wanted - len(self)
        if more > 0:
            fresh = self._empty(max(more, len(self) // 2, 64))
            self._arrays = {k: np.concatenate([v, fresh[k]]) for k, v in self._arrays.items()}

    def _sums_of(self, arrays: Arrays) -> Ints:
        """Compute the windows' sums from the stored readings; they are not in the checkpoint."""
        count, past = arrays["count"], arrays["past"]
        age = (count[:, None] - 1 - np.arange(self._keep)) % self._keep
        there = past != MISSING
        value = np.where(there, past, 0).astype(np.int64)
        sums = np.empty((len(count), 5, len(self._windows), past.shape[2]), np.int64)
        for number, length in enumerate(self.definition.windows):
            inside = (age < length)[:, :, None]
            one, old = (there & inside).astype(np.int64), age[:, :, None]
            terms = one, one * old, one * old * old, value * one, value * one * old
            for which, term in enumerate(terms):
                sums[:, which, number] = term.sum(axis=1)
        return sums

    def _begin_anew(self, part: Arrays, anew: Mask) -> None:
        for name, blank in self._empty(1).items():
            if name != "count":
                array = part[name]
                where = anew.reshape(len(anew), *(1,) * (array.ndim - 2), anew.shape[1])
                np.copyto(array, blank, where=where)

    def _step(self, part: Arrays, counted: Quanta) -> Floats:
        """Add one reading of each of several entities; change ``part`` in place."""
        there = counted != MISSING
        value = np.where(there, counted, 0).astype(np.int64)
        self._slide(part, counted, there, value)
        part["seen"] += there
        part["first"] += np.where(part["seen"] <= self.definition.first, value, 0)
        begun = np.minimum(part["seen"], self.definition.first)
        beginning = part["first"] / np.maximum(begun, 1) * QUANTUM
        now = value * QUANTUM
        slow, weight = part["slow"], part["weight"]
        there_too, faded = there[:, None], weight * self._fade + 1.0
        np.copyto(weight, faded, where=there_too)
        np.copyto(slow, slow + (now[:, None] - slow) / faded, where=there_too)
        above = now - beginning
        both = np.stack([above, -above], axis=1) - self.definition.slack + part["excess"]
        np.copyto(part["excess"], np.maximum(both, 0.0), where=there_too)

        sums, usual = part["sums"], slow[:, -1:]
        mean = np.where(sums[:, N] > 0, sums[:, S] / np.maximum(sums[:, N], 1) * QUANTUM, usual)
        blocks = (
            np.where(there[:, None], now[:, None], usual),
            mean,
            _slope(sums),
            slow,
            mean - beginning[:, None],
            part["excess"],
            ~there[:, None],
            (sums[:, N].max(axis=1) == 0)[:, None],
        )
        flat = np.concatenate(blocks, axis=1).reshape(len(counted), -1)
        return np.column_stack([part["count"], flat])

    def _slide(self, part: Arrays, counted: Quanta, there: Mask, value: Ints) -> None:
        """Slide the windows by one reading."""
        count, past, sums = part["count"], part["past"], part["sums"]
        each = np.arange(len(count))
        old = past[each[:, None], (count[:, None] - self._windows[:, 0]) % self._keep]
        left = (old != MISSING).astype(np.int64)
        gone = old * left
        ages = self._windows
        sums[:, KK] += 2 * sums[:, K] + sums[:, N] - ages * ages * left
        sums[:, K] += sums[:, N] - ages * left
        sums[:, KS] += sums[:, S] - ages * gone
        sums[:, N] += there[:, None] - left
        sums[:, S] += value[:, None] - gone
        past[each, count % self._keep] = counted
        count += 1


def _slope(sums: Ints) -> Floats:
    """Return the slope of least squares, per reading; ages count backwards."""
    n, k = sums[:, N], sums[:, K]
    below = n * sums[:, KK] - k * k
    above = k * sums[:, S] - n * sums[:, KS]
    slope: Floats = np.where(below > 0, above / np.maximum(below, 1) * QUANTUM, 0.0)
    return slope


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
