"""Columnar state of many entities' sensors, from which degradation features are computed.

A batch is processed in rounds of one reading per entity; a round is one array operation over all
entities that have another reading. A result depends on its own entity's past only, to the bit:
neither the size of batches nor the other entities in them matter
(:mod:`streamsim.streams.domains.logistics.degradation` has the definitions).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streamsim.streams.errors import StateError, UsageError
from streamsim.streams.events import Floats, Ints, Mask, Slots

from .degradation import MISSING, QUANTUM, Degradation
from .reading_rounds import Quanta, Run, rounds

Arrays = dict[str, npt.NDArray[Any]]
N, K, KK, S, KS = range(5)
"""Sums over the readings of a window that have the sensor: 1, age, age², value, age x value."""


class Counts(NamedTuple):
    """Whole numbers after each reading: of all readings, of the windows, and of the beginning."""

    readings: Ints
    sums: Ints
    seen: Ints
    first: Ints


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
        own, rows, edges = rounds(slots)
        self._ensure(int(own.max()) + 1)
        work = {name: array[own] for name, array in self._arrays.items()}
        run = Run(self.definition.reference.quanta(values)[rows], edges)
        cleared = None if anew is None or not anew.any() else anew[rows]
        counts = self._count(run, work, cleared)
        found[rows] = self._features(run, counts, *self._average(run, counts, work, cleared))
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
            if name in part:
                array = part[name]
                where = anew.reshape(len(anew), *(1,) * (array.ndim - 2), anew.shape[1])
                np.copyto(array, blank, where=where)

    def _count(self, run: Run, work: Arrays, anew: Mask | None) -> Counts:
        """Count in whole numbers, which are exact in any order; change ``work`` in place."""
        n, width = run.counted.shape
        sums, seen, first = work["sums"], work["seen"], work["first"]
        found = Counts(
            (work["count"][run.place] + run.turn + 1),
            np.empty((n, *sums.shape[1:]), np.int64),
            np.empty((n, width), np.int64),
            np.empty((n, width), np.int64),
        )
        change = self._change(run, self._leaving(run, work, anew))
        counted = {"sums": sums, "seen": seen, "first": first}
        most = self.definition.first
        for begin, end in pairwise(run.edges):
            m = end - begin
            if anew is not None and anew[begin:end].any():
                self._begin_anew({k: v[:m] for k, v in counted.items()}, anew[begin:end])
            own, had = sums[:m], seen[:m]
            own[:, KK] += 2 * own[:, K] + own[:, N]
            own[:, K :: KS - K] += own[:, N :: KS - K]  # age by one: K by N, KS by S
            own += change[begin:end]
            had += run.there[begin:end]
            first[:m] += run.value[begin:end] * (had <= most)
            found.sums[begin:end], found.seen[begin:end] = own, had
            found.first[begin:end] = first[:m]
        self._remember(run, work, anew)
        return found

    def _change(self, run: Run, old: Quanta) -> Ints:
        """Return what every reading adds to the sums, and what it takes with the ``old`` ones."""
        left = (old != MISSING).astype(np.int64)
        gone, ages = old * left, self._windows
        change = np.empty((len(old), 5, *old.shape[1:]), np.int64)
        change[:, N], change[:, S] = run.there[:, None] - left, run.value[:, None] - gone
        change[:, K], change[:, KS] = -ages * left, -ages * gone
        change[:, KK] = -ages * ages * left
        return change

    def _leaving(self, run: Run, work: Arrays, anew: Mask | None) -> Quanta:
        """Return the reading that leaves each window, shape ``(n, window, sensor)``."""
        back = run.turn[:, None] - self._windows[:, 0]
        before = (work["count"][run.place][:, None] + back) % self._keep
        old: Quanta = work["past"][run.place[:, None], before]
        inside = back >= 0
        old[inside] = run.counted[run.row(run.place[:, None], back)[inside]]
        if anew is not None:
            old[back[:, :, None] < self._begun(run, anew)[:, None]] = MISSING
        return old

    def _begun(self, run: Run, anew: Mask) -> Ints:
        """Return the turn at which each sensor last began anew, very low if it did not."""
        begun = np.where(anew, run.turn[:, None], -(1 << 40))
        for (before, begin), end in zip(pairwise(run.edges[:-1]), run.edges[2:], strict=True):
            now = begun[begin:end]
            np.maximum(now, begun[before : before + end - begin], out=now)
        return begun

    def _remember(self, run: Run, work: Arrays, anew: Mask | None) -> None:
        """Store the last readings of each entity."""
        count, past, keep = work["count"], work["past"], self._keep
        turns = np.bincount(run.place, minlength=len(count))
        last = np.flatnonzero(run.turn >= turns[run.place] - keep)
        whose = run.place[last]
        past[whose, (count[whose] + run.turn[last]) % keep] = run.counted[last]
        count += turns
        if anew is not None:
            begun = self._begun(run, anew)[run.row(np.arange(len(count)), turns - 1)]
            turn = turns[:, None] - 1 - (count[:, None] - 1 - np.arange(keep)) % keep
            past[turn[:, :, None] < begun[:, None]] = MISSING

    def _average(
        self, run: Run, counts: Counts, work: Arrays, anew: Mask | None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Follow the slow averages and the excess; change ``work`` in place.

        Returns
        -------
        The beginning and the value of each sensor, its averages and its excess.
        """
        begun = np.minimum(counts.seen, self.definition.first)
        beginning = counts.first / np.maximum(begun, 1) * QUANTUM
        now: Floats = run.value.astype(np.float64) * QUANTUM
        above = now - beginning
        lean: Floats = np.stack([above, -above], axis=1) - self.definition.slack
        n = len(now)
        averages = np.empty((n, *work["slow"].shape[1:]))
        excesses: Floats = np.empty_like(lean)
        followed = {name: work[name] for name in ("slow", "weight", "excess")}
        for begin, end in pairwise(run.edges):
            part = {name: array[: end - begin] for name, array in followed.items()}
            if anew is not None and anew[begin:end].any():
                self._begin_anew(part, anew[begin:end])
            there = run.there[begin:end, None]
            slow, weight, excess = part["slow"], part["weight"], part["excess"]
            faded = weight * self._fade + 1.0
            np.copyto(weight, faded, where=there)
            np.copyto(slow, slow + (now[begin:end, None] - slow) / faded, where=there)
            np.copyto(excess, np.maximum(lean[begin:end] + excess, 0.0), where=there)
            averages[begin:end], excesses[begin:end] = slow, excess
        return beginning, now, averages, excesses

    def _features(
        self, run: Run, counts: Counts, beginning: Floats, now: Floats, slow: Floats, excess: Floats
    ) -> Floats:
        there, sums, usual = run.there, counts.sums, slow[:, -1:]
        mean = np.where(sums[:, N] > 0, sums[:, S] / np.maximum(sums[:, N], 1) * QUANTUM, usual)
        blocks = (
            np.where(there[:, None], now[:, None], usual),
            mean,
            _slope(sums),
            slow,
            mean - beginning[:, None],
            excess,
            ~there[:, None],
            (sums[:, N].max(axis=1) == 0)[:, None],
        )
        flat = np.concatenate(blocks, axis=1).reshape(len(there), -1)
        return np.column_stack([counts.readings, flat])


def _slope(sums: Ints) -> Floats:
    """Return the slope of least squares, per reading; ages count backwards."""
    n, k = sums[:, N], sums[:, K]
    below = n * sums[:, KK] - k * k
    above = k * sums[:, S] - n * sums[:, KS]
    slope: Floats = np.where(below > 0, above / np.maximum(below, 1) * QUANTUM, 0.0)
    return slope
