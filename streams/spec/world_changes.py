"""A change of a whole simulated world at a known time, and its record on the truth topic.

Worlds draw what a change needs from streams of their own, so that a world before its change has the
bytes of a world without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats
from streamsim.streams.spec.spans import DAY
from streamsim.streams.spec.world import Emission

KIND = "world_change"
"""Kind of the record on the truth topic. It names no entity, so that no alert is judged by it."""
CHANGE: Mapping[str, float] = {"change_day": 0.0, "change_ramp_days": 0.0}
"""Options of every world that can change, with their defaults: the event day on which it changes
(0: never), and the days that the change takes from there (0: sudden)."""
_KEY = b"world"


@dataclass(frozen=True, slots=True)
class WorldChange:
    """A change of a world.

    Parameters
    ----------
    name
        What changes, one word for programs.
    about
        What changes, in words.
    day, ramp
        Days from the world's epoch to its onset (0: it never comes), and from there until it is
        complete.

    Raises
    ------
    UsageError
        If the day or the ramp is negative or no number.

    Examples
    --------
    >>> change = WorldChange("new_rules", "all rules are new", day=10.0, ramp=4.0)
    >>> change.share(9.9), change.share(12.0), change.share(20.0)
    (0.0, 0.5, 1.0)
    >>> change.shares(np.array([10.0, 11.0])).tolist()
    [0.0, 0.25]
    """

    name: str
    about: str
    day: float
    ramp: float = 0.0

    def __post_init__(self) -> None:
        for option, value in (("change_day", self.day), ("change_ramp_days", self.ramp)):
            if not 0 <= value < np.inf:
                raise UsageError(f"{option} must be 0 or more, not {value}")

    @classmethod
    def of(
        cls, name: str, about: str, options: Mapping[str, float], whole_days: bool = False
    ) -> WorldChange:
        """Return the change that a world's options ask for; see :data:`CHANGE`.

        With ``whole_days`` it begins with a day: with the next one, if the option has a fraction.
        """
        day = options["change_day"]
        ramp = options["change_ramp_days"]
        return cls(name, about, float(np.ceil(day)) if whole_days else day, ramp)

    def share(self, day: float) -> float:
        """Return how much of it has come at a time, in days from the epoch: from 0 to 1."""
        return float(self.shares(np.array([day]))[0])

    def shares(self, days: Floats) -> Floats:
        """Return how much of it has come at each of some times."""
        gone = days - self.day
        if not self.day:
            return np.zeros_like(gone)
        if not self.ramp:
            return np.where(gone >= 0, 1.0, 0.0)
        return np.clip(gone / self.ramp, 0.0, 1.0)

    def truth(self, epoch: int, start: int, until: int) -> tuple[Emission, ...]:
        """Return its record on the truth topic, if its onset is in ``[start, until)`` (ms)."""
        onset = epoch + round(self.day * DAY)
        if not self.day or not start <= onset < until:
            return ()
        time = np.array([onset])
        values = encode_objects(
            {
                "event_id": [f"truth-{KIND}-{onset}"],
                "event_time": format_times(time),
                "kind": [KIND],
                "change": [self.name],
                "about": [self.about],
                "onset": format_times(time),
                "until": format_times(time + round(self.ramp * DAY)),
            }
        )
        return (Emission("truth", time, time, [_KEY], values),)
