"""Garbage collection of a process that handles many records.

Records are numerous and never cyclic. With Python's usual thresholds the collector looks at them
again and again, which takes a third of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARE = 500_000, 20, 100
"""Thresholds of :func:`gc.set_threshold`."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let the collector run seldom inside of the block.

    >>> with rare_collections():
    ...     gc.get_threshold() == RARE
    True
    """
    before = gc.get_threshold()
    gc.set_threshold(*RARE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
