"""The worlds of the closed loop: of each domain how long it runs, and when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamsim.streams.errors import UsageError

HOUR = 1 / 24


@dataclass(frozen=True, slots=True)
class LoopWorld:
    """A world that changes once.

    Parameters
    ----------
    days, change_day
        Days that it runs, and its day of change.
    judged
        Days before the change, and last days of the run, whose metrics are compared.
    options
        Options of the world, over its defaults.

    Raises
    ------
    UsageError
        If a period that is judged does not lie in the run.
    """

    days: float
    change_day: float
    judged: float
    options: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.judged <= self.change_day or self.change_day + self.judged > self.days:
            raise UsageError(
                f"{self.judged:g} days before day {self.change_day:g} and {self.judged:g} at the "
                f"end do not fit into {self.days:g} days"
            )


WORLDS: Mapping[str, LoopWorld] = {
    "finance": LoopWorld(120, 30, 20),
    "retail": LoopWorld(300, 60, 40),
    "healthcare": LoopWorld(480, 120, 90),
    "logistics": LoopWorld(24 * HOUR, 6 * HOUR, 3 * HOUR),
    "technology": LoopWorld(100, 40, 20),
}
