"""Column functions for the features of several domains: ratios, elapsed times, codes.

Unknown values are :data:`streamsim.streams.spec.features.UNKNOWN`, -1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from streamsim.streams.codec import format_times
from streamsim.streams.events import NO_TIME, Floats, Ints, Mask, Objects
from streamsim.streams.spec.feature_vector import UNKNOWN, Joined


def ratio(a: Floats | Ints, b: Floats | Ints, where: Mask | bool = True) -> Floats:
    """Divide; -1 where the divisor is not positive, or ``where`` does not hold.

    >>> ratio(np.array([3, 3]), np.array([2, 0])).tolist()
    [1.5, -1.0]
    """
    return np.divide(a, b, out=np.full(np.shape(a), UNKNOWN), where=np.greater(b, 0) & where)


def elapsed(time: Ints, before: Ints, unit: int) -> Floats:
    """Return the time since ``before``, in a unit of so many ms; -1 where it is ``NO_TIME``.

    >>> elapsed(np.array([5_000, 5_000]), np.array([2_000, NO_TIME]), 1_000).tolist()
    [3.0, -1.0]
    """
    found: Floats = np.where(before == NO_TIME, UNKNOWN, (time - before) / unit)
    return found


def numbers(values: Objects) -> Floats:
    """Return numbers, -1 for ``None``.

    >>> numbers(np.array([2, None], object)).tolist()
    [2.0, -1.0]
    """
    return np.array([UNKNOWN if value is None else value for value in values], np.float64)


def coded(
    texts: Objects | Sequence[str | None], codes: Mapping[str, float], other: float = UNKNOWN
) -> Floats:
    """Return the codes of texts: -1 for ``None``, ``other`` for a text without a code.

    >>> coded(["tv", "fridge", None], {"tv": 1.0}, other=0.0).tolist()
    [1.0, 0.0, -1.0]
    """
    found = (UNKNOWN if text is None else codes.get(text, other) for text in texts)
    return np.fromiter(found, np.float64, len(texts))


def versions(joined: Mapping[str, Joined]) -> dict[str, list[str | None]]:
    """Return the time of each joined version, by source, as text; ``None`` without a version."""
    return {
        source: [
            None if at == NO_TIME else text
            for at, text in zip(found.time.tolist(), format_times(found.time.clip(0)), strict=True)
        ]
        for source, found in joined.items()
    }
