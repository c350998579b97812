"""Viewing data: ratings of MovieLens as views, or simulated histories from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from streamsim.streams.errors import SourceError
from streamsim.streams.events import Ints
from streamsim.streams.seeds import stream

MOST_BYTES = 1 << 30
BATCH = 1_000
TASTES = 20
"""Kinds of titles in a simulated catalogue."""
LIKED = 3
"""Kinds that a simulated user likes; one title in ten is of any kind."""


@dataclass(frozen=True, slots=True)
class Viewings:
    """Views, arrays of shape ``(n,)``; users and items are indices without gaps.

    Attributes
    ----------
    time
        Seconds since 1970.
    item_ids
        The file's id of each item, shape ``(items,)``.
    """

    user: Ints
    item: Ints
    time: Ints
    users: int
    item_ids: Ints

    @property
    def items(self) -> int:
        """Number of items."""
        return len(self.item_ids)

    def matrix(self, chosen: Any = slice(None)) -> Any:
        """Return the chosen views as a sparse matrix, shape ``(users, items)``."""
        user, item = self.user[chosen], self.item[chosen]
        ones = np.ones(len(user))
        return sparse.csr_array((ones, (user, item)), shape=(self.users, self.items))

    def histories(self) -> list[Ints]:
        """Return the seen items of each user, the oldest first."""
        order = np.lexsort((self.time, self.user))
        ends = np.cumsum(np.bincount(self.user, minlength=self.users))
        return np.split(self.item[order], ends[:-1])


def read_movielens(path: Path) -> Viewings:
    """Read ratings as views: columns user, item, rating and time, in the order of the file.

    Parameters
    ----------
    path
        ``u.data`` of MovieLens 100K, or the same with a header line.

    Raises
    ------
    SourceError
        If it is another file.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SourceError(f"{path.name} is larger than {MOST_BYTES:,} bytes")
        with path.open(encoding="utf-8") as file:
            begin = 0 if file.readline()[:1].isdigit() else file.tell()
            file.seek(begin)
            if not file.readline().strip():
                raise SourceError(f"{path.name} is empty")
            file.seek(begin)
            columns = np.loadtxt(file, delimiter="\t", usecols=(0, 1, 3), ndmin=2)
    except (OSError, ValueError, IndexError) as error:
        raise SourceError(f"{path.name} holds no ratings of MovieLens: {error}") from None
    users, user = np.unique(columns[:, 0], return_inverse=True)
    items, item = np.unique(columns[:, 1], return_inverse=True)
    time = columns[:, 2].astype(np.int64)
    return Viewings(user, item, time, len(users), items.astype(np.int64))


def simulated_histories(first: int, users: int, items: int, seed: int) -> Iterator[Ints]:
    """Simulate users' histories: titles by popularity (Zipf) within the kinds that a user likes.

    A user's history depends only on the seed and the user's number. Histories are drawn in batches
    of :data:`BATCH` users; whole batches are the cheapest.

    >>> five = [history.tolist() for history in simulated_histories(0, 5, items=50, seed=7)]
    >>> five[3:] == [history.tolist() for history in simulated_histories(3, 2, items=50, seed=7)]
    True
    """
    kinds = min(TASTES, items)
    shares = 1 / (1 + np.arange(-(-items // kinds))) ** 0.8
    upper = np.cumsum(shares / shares.sum())
    for number in range(first // BATCH, -(-(first + users) // BATCH)):
        random = stream(seed, "viewers", number)
        seen = np.clip(random.lognormal(4.0, 0.7, BATCH).astype(np.int64), 5, 400)
        likes = random.integers(kinds, size=(BATCH, LIKED))
        who = np.repeat(np.arange(BATCH), seen)
        kind = likes[who, random.integers(LIKED, size=len(who))]
        anywhere = random.random(len(who)) < 0.1
        kind = np.where(anywhere, random.integers(kinds, size=len(who)), kind)
        rank = np.searchsorted(upper, random.random(len(who)))
        title = np.minimum(rank * kinds + kind, items - 1)
        # Drop a user's repeats: the first place of each title, in order.
        once = np.sort(np.unique(who * items + title, return_index=True)[1])
        ends = np.cumsum(np.bincount(who[once], minlength=BATCH))
        begin, end = first - number * BATCH, first + users - number * BATCH
        yield from np.split(title[once], ends[:-1])[max(0, begin) : end]
