"""Named random streams: each part of a world draws from a stream of its own.

Another source, or one more draw in a part, changes no other part.
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, name: str, *index: int) -> np.random.Generator:
    """Return the generator of a named part of a seeded world, at an index (a day, say).

    >>> stream(7, "meters").integers(1000) == stream(7, "meters").integers(1000)
    np.True_
    >>> stream(7, "meters").integers(1000) == stream(7, "meters", 1).integers(1000)
    np.False_
    """
    key = (zlib.crc32(name.encode()), *index)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
