"""The best schedule in hindsight: a dynamic programme over all schedules of a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamsim.streams.events import Floats


def best_schedule(losses: Floats, most: int | None = None) -> tuple[int, ...]:
    """Return the times at which to learn so that the loss is least; the first is always 0.

    Parameters
    ----------
    losses
        Of the version that learnt at time ``i`` in period ``j``, shape ``(n, n)``; those with
        ``j < i`` are not read.
    most
        At most so many times after the first; by default any number.

    Examples
    --------
    >>> best_schedule(np.array([[1.0, 5, 5], [0, 4, 1], [0, 0, 2]]))
    (0, 1)
    >>> best_schedule(np.array([[1.0, 5, 5], [0, 4, 1], [0, 0, 2]]), most=0)
    (0,)
    """
    n = len(losses)
    most = n - 1 if most is None else min(most, n - 1)
    # sums[i, j]: loss of version i in the periods from i up to, but without, j
    sums = np.zeros((n, n + 1))
    for i in range(n):
        sums[i, i + 1 :] = np.cumsum(losses[i, i:])
    # least[m, j]: least loss of the periods before j with m versions after the first
    least = np.full((most + 1, n + 1), np.inf)
    came = np.zeros((most + 1, n + 1), np.int64)
    least[0] = sums[0]
    for m in range(1, most + 1):
        for j in range(m + 1, n + 1):
            options = least[m - 1, m:j] + sums[m:j, j]
            came[m, j] = m + int(np.argmin(options))
            least[m, j] = options.min()
    m = int(np.argmin(least[:, n]))
    found, end = [], n
    for left in range(m, 0, -1):
        end = int(came[left, end])
        found.append(end)
    return (0, *reversed(found))


def versions_of(schedule: Sequence[int], count: int) -> list[int]:
    """Return for each period the time at which its version learnt.

    >>> versions_of((0, 2), 4)
    [0, 0, 2, 2]
    """
    times = np.array(schedule)
    return [int(times[times <= step][-1]) for step in range(count)]
