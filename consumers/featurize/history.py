"""History of many keys as running sums by column, from which event-time windows are computed.

Each key owns a stretch of one pool of rows, in order of time. Every row holds the sums from the
beginning of its key's history, so that any window is the difference of two rows. They are found by
binary search over all keys of a batch at once. Sums are integers: they do not depend on the order
of addition.
"""

from __future__ import annotations

import numpy as np

from streamsim.streams.events import NO_TIME, Ints, Slots

_FIRST_CAPACITY = 8


class History:
    """Time-stamped integers per key, and their sums over windows.

    Parameters
    ----------
    columns
        How many numbers each row holds.
    span
        Rows are kept that are at most this much older than their key's newest row (ms).
    keep
        Most rows kept of one key, besides those younger than ``slack``.
    slack
        By how much a new row or a lookup may be older than the key's newest row (ms).

    Notes
    -----
    The first row of a key's stretch stands for all deleted rows: its time is ``NO_TIME``, and it
    has their sums. So ``before`` can always return a row, and a window needs no special case for a
    short history. Sums wrap around at 2**64; a window's sum is right as long as it fits 63 bits.
    """

    def __init__(self, columns: int, span: int, keep: int | None = None, slack: int = 0) -> None:
        self._span, self._keep, self._slack = span + slack, keep, slack
        self._time = np.empty(1024, np.int64)
        self._sums = np.empty((1024, columns), np.int64)
        self._used = 0
        self._wasted = 0
        self.floor: int | None = None
        """Rows at or after this time are never deleted (ms); ``None`` for no such limit."""
        self._start = np.empty(0, np.intp)
        self._length = np.empty(0, np.intp)
        self._capacity = np.empty(0, np.intp)

    def __len__(self) -> int:
        """Return how many keys there are."""
        return len(self._start)

    @property
    def rows(self) -> int:
        """How many rows are kept, over all keys."""
        return int(self._length.sum())

    def newest(self, slots: Slots) -> Ints:
        """Return the time of each key's newest row, ``NO_TIME`` without one."""
        self._ensure(slots)
        newest: Ints = self._time[self._start[slots] + self._length[slots]]
        return newest

    def before(self, slots: Slots, times: Ints) -> Slots:
        """Find each key's last row with a time less than the given one.

        Returns
        -------
        Positions for :meth:`sums` and :meth:`times`; differences of two positions of the same
        key count the rows between. They hold until the next :meth:`append`.
        """
        self._ensure(slots)
        position = self._start[slots]
        end = position + self._length[slots]
        longest = int(self._length[slots].max(initial=0))
        step = 1 << longest.bit_length() >> 1
        while step:
            candidate = position + step
            inside = candidate <= end
            candidate = np.minimum(candidate, end)
            position = np.where(inside & (self._time[candidate] < times), candidate, position)
            step >>= 1
        return position

    def sums(self, positions: Slots) -> Ints:
        """Return the sums up to and with those rows, shape ``(n, columns)``."""
        return self._sums[positions]

    def times(self, positions: Slots) -> Ints:
        """Return the times of those rows (ms)."""
        return self._time[positions]

    def kept(self, slots: Slots) -> tuple[Ints, Ints, Ints]:
        """Return all rows of keys: how many each has, their times, and their values.

        Times have shape ``(n_rows,)``, values ``(n_rows, columns)``: key after key, each in
        order of time.
        """
        self._ensure(slots)
        count = self._length[slots]
        position = np.repeat(self._start[slots] + 1, count) + _within(count)
        values = self._sums[position] - self._sums[position - 1]
        return count, self._time[position], values

    def append(self, slots: Slots, times: Ints, values: Ints) -> None:
        """Add rows, sorted by slot and, within a slot, not older than the key's newest row.

        ``values`` has shape ``(n, columns)``.
        """
        if not len(slots):
            return
        self._ensure(slots)
        first = np.flatnonzero(np.concatenate(([True], slots[1:] != slots[:-1])))
        own = slots[first]
        count = np.diff(np.append(first, len(slots)))
        self._make_room(own, count)
        base = self._start[own] + self._length[own]
        group = np.repeat(np.arange(len(own)), count)
        position = base[group] + 1 + np.arange(len(slots)) - first[group]
        running = np.cumsum(values, axis=0)
        offset = self._sums[base] - (running[first] - values[first])
        self._time[position] = times
        self._sums[position] = running + offset[group]
        self._length[own] += count

    def clear(self, slots: Slots) -> None:
        """Delete all rows of keys; they keep their room."""
        self._ensure(slots)
        start = self._start[slots]
        self._length[slots] = 0
        self._time[start], self._sums[start] = NO_TIME, 0

    def insert(self, slots: Slots, times: Ints, values: Ints) -> None:
        """Add one row to each of several keys, anywhere in its history.

        It comes after rows of the same time. No key is given twice.
        """
        self._ensure(slots)
        self._make_room(slots, np.ones(len(slots), np.intp))
        after = self.before(slots, times + 1)
        end = self._start[slots] + self._length[slots]
        time, sums = self._time, self._sums
        for row, (here, last) in enumerate(zip(after.tolist(), end.tolist(), strict=True)):
            time[here + 2 : last + 2] = time[here + 1 : last + 1].copy()
            sums[here + 2 : last + 2] = sums[here + 1 : last + 1] + values[row]
        time[after + 1] = times
        sums[after + 1] = sums[after] + values
        self._length[slots] += 1

    def _ensure(self, slots: Slots) -> None:
        """Give stretches to keys that have none yet."""
        wanted = int(slots.max(initial=-1)) + 1
        new = wanted - len(self._start)
        if new <= 0:
            return
        grown = max(new, len(self._start) // 4)  # in leaps: the arrays are copied each time
        start = self._reserve(grown * _FIRST_CAPACITY)
        starts = start + _FIRST_CAPACITY * np.arange(grown)
        self._start = np.append(self._start, starts)
        self._length = np.append(self._length, np.zeros(grown, np.intp))
        self._capacity = np.append(self._capacity, np.full(grown, _FIRST_CAPACITY))
        self._time[starts] = NO_TIME
        self._sums[starts] = 0

    def _make_room(self, own: Slots, count: Slots) -> None:
        """Move the stretches that have no room for ``count`` more rows, and delete old rows."""
        full = self._length[own] + 1 + count > self._capacity[own]
        if not full.any():
            return
        own, count = own[full], count[full]
        keep_from = self._oldest(own)  # becomes the row that stands for all before
        end = self._start[own] + self._length[own]
        length = end - keep_from
        capacity = np.maximum(_FIRST_CAPACITY, 2 * (length + 1 + count))
        begin = self._reserve(int(capacity.sum()))
        self._wasted += int(self._capacity[own].sum())
        # Reserving may have compacted the pool; where the kept rows lie is counted from the end.
        keep_from = self._start[own] + self._length[own] - length
        start = begin + np.cumsum(capacity) - capacity
        self._copy(keep_from, start, length + 1)
        self._start[own], self._length[own], self._capacity[own] = start, length, capacity
        self._time[start] = NO_TIME

    def _oldest(self, own: Slots) -> Slots:
        """Find the last row of each key that no lookup will need."""
        newest = self.newest(own)
        known = newest != NO_TIME
        limit = np.where(known, newest - self._span, NO_TIME)
        if self.floor is not None:
            limit = np.minimum(limit, self.floor)
        oldest = self.before(own, limit)
        if self._keep is None:
            return oldest
        settled = self.before(own, np.where(known, newest - self._slack, NO_TIME))
        return np.maximum(oldest, settled - self._keep)

    def _copy(self, source: Slots, target: Slots, count: Slots) -> None:
        within = _within(count)
        take, put = np.repeat(source, count) + within, np.repeat(target, count) + within
        self._time[put] = self._time[take]
        self._sums[put] = self._sums[take]

    def _reserve(self, rows: int) -> int:
        """Reserve rows at the end of the pool and return the first."""
        if self._used + rows > len(self._time):
            if self._wasted > self._used // 2:
                self._compact()
            size = max(len(self._time), 1024)
            while self._used + rows > size:
                size += size // 2
            if size > len(self._time):
                self._time = np.append(self._time, np.empty(size - len(self._time), np.int64))
                more = np.empty((size - len(self._sums), self._sums.shape[1]), np.int64)
                self._sums = np.concatenate([self._sums, more])
        begin, self._used = self._used, self._used + rows
        return begin

    def _compact(self) -> None:
        """Close the gaps that moved stretches have left."""
        target = np.cumsum(self._capacity) - self._capacity
        time, sums = self._time, self._sums
        self._time = np.empty_like(time)
        self._sums = np.empty_like(sums)
        count = self._length + 1
        within = _within(count)
        take, put = np.repeat(self._start, count) + within, np.repeat(target, count) + within
        self._time[put], self._sums[put] = time[take], sums[take]
        self._start = target
        self._used, self._wasted = int(self._capacity.sum()), 0


def _within(count: Slots) -> Slots:
    """Return the numbers from 0 within groups of these sizes, one group after the other."""
    return np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
