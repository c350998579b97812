"""Retail: planted feed troubles: a vendor's silence, and two vendors' tills in one store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import orjson

from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, HOUR

from .households import STORES, VENDORS

SILENT, DISAGREES = "feed_silent", "feed_disagrees"
_OUTAGE = 1 / 25
"""Chance per vendor and day that its tills become silent."""
_TWO_TILLS = 1 / 40
"""Chance per vendor and day that its new tills run beside another's in one store."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble of a vendor's feed (its index), with its begin and end (ms).

    ``store`` is the index of another vendor's store whose receipts it reports too.
    """

    kind: str
    vendor: int
    onset: int
    until: int
    store: int = -1


def troubles(seed: int, day: int, start: int, defects: float) -> list[Trouble]:
    """Draw the feed troubles of a day that starts at ``start`` (ms)."""
    draw, n = stream(seed, "outages", day), len(VENDORS)
    silent = draw.random(n) < _OUTAGE * defects
    onset = start + (8 * HOUR + draw.random(n) * 8 * HOUR).astype(np.int64)
    until = onset + (5 * HOUR + draw.random(n) * 4 * HOUR).astype(np.int64)
    found = [
        Trouble(SILENT, v, int(onset[v]), int(until[v])) for v in np.flatnonzero(silent).tolist()
    ]
    draw = stream(seed, "two tills", day)
    both = draw.random(n) < _TWO_TILLS * defects
    # The vendors have the stores in turn: one more than a multiple is another vendor's.
    other = draw.integers(0, STORES // n, n) * n + (np.arange(n) + 1) % n
    found += [
        Trouble(DISAGREES, v, start, start + DAY, int(other[v]))
        for v in np.flatnonzero(both).tolist()
    ]
    return found


def as_reported_by(values: Iterable[bytes], vendor: str) -> list[bytes]:
    """Return lines as the new tills of a vendor report them: at prices before discounts."""
    found = []
    for value in values:
        line = orjson.loads(value)
        line["event_id"] = f"{vendor}-{line['event_id']}"
        line["vendor"] = vendor
        line["amount_cents"] += line["discount_cents"]
        line["discount_cents"] = 0
        found.append(orjson.dumps(line))
    return found
