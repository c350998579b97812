"""Finance: columns of the simulated payments of a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats, Ints, Slots

GENUINE, LARGE, TERMINAL, STOLEN, TESTING = range(5)
KINDS = ("genuine", "large_amount", "compromised_terminal", "stolen_card", "card_testing")
"""Kinds of payments, by their codes."""


@dataclass(slots=True)
class Payments:
    """Payments of one day by column; ``onset`` is when their fraud began (ms)."""

    time: Ints
    card: Slots
    terminal: Slots
    amount: Floats
    kind: Ints
    onset: Ints

    @classmethod
    def concat(cls, parts: list[Payments]) -> Payments:
        """Concatenate payments."""
        return cls(
            *(
                np.concatenate([getattr(p, name) for p in parts])
                for name in ("time", "card", "terminal", "amount", "kind", "onset")
            )
        )

    def take(self, rows: npt.NDArray[np.generic]) -> Payments:
        """Return some payments, by index or mask."""
        return Payments(
            self.time[rows],
            self.card[rows],
            self.terminal[rows],
            self.amount[rows],
            self.kind[rows],
            self.onset[rows],
        )
