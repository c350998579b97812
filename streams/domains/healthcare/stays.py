"""Healthcare: simulated stays in the hospital, and unsolved problems at their ends.

An unsolved problem at a discharge is planted: an illness that is not over (relapse), a new
infection or bleeding (complication), drugs that are not tolerated (medication), no help at home
(social). It mostly shows in results, drugs and notes, but stays without a problem may show the same
signs. About seven in ten patients with a problem come back within a month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsim.streams.calendar import EPOCH, weekday
from streamsim.streams.events import Floats, Ints, Mask
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY

from .patients import ACUTE, CONDITIONS, People

NONE, RELAPSE, COMPLICATION, MEDICATION, SOCIAL = range(5)
KINDS = ("none", "relapse", "complication", "medication", "social")
_BACK = 0.72
"""Chance that a problem causes a readmission."""
_GAP = np.array([1.0, 11.0, 7.0, 8.0, 14.0])
"""Mean days until the readmission, by problem."""
CAUSES = (*CONDITIONS, *ACUTE)
DISPOSITIONS = ("home", "home_care", "nursing", "rehabilitation", "against_advice")
_FATAL = 0.02


@dataclass(slots=True)
class Stays:
    """Stays that have begun, by column; each array has shape ``(n,)``.

    Attributes
    ----------
    place, trait
        The patient: the place in the register, and the traits.
    admitted, discharged
        Days since the world's beginning, with their fractions.
    cause
        Index in :data:`CAUSES`.
    planned, dies
        Whether it was planned, and whether it ends with death.
    severity
        Severity: 0.2 for the mildest, 1 for most, 3 for the worst.
    problem, strength
        The unsolved problem at its end, and its strength (0 to 1).
    gap
        Days after which the problem causes a readmission; infinite if it does not.
    """

    place: Ints
    trait: Ints
    admitted: Floats
    discharged: Floats
    cause: Ints
    planned: Mask
    dies: Mask
    severity: Floats
    problem: Ints
    strength: Floats
    gap: Floats
    procedures: Ints
    disposition: Ints
    number: Ints

    def __len__(self) -> int:
        return len(self.place)

    @property
    def days(self) -> Ints:
        """Length in whole days, at least 1."""
        found: Ints = np.maximum(np.round(self.discharged - self.admitted), 1).astype(np.int64)
        return found

    def take(self, rows: Ints | Mask) -> Stays:
        """Return some stays."""
        return Stays(*(getattr(self, name)[rows] for name in self.__slots__))

    @classmethod
    def concat(cls, parts: list[Stays]) -> Stays:
        """Concatenate stays."""
        return cls(*(np.concatenate([getattr(p, n) for p in parts]) for n in cls.__slots__))


def begin(
    seed: int,
    people: People,
    day: int,
    place: Ints,
    trait: Ints,
    again: Ints,
    at: Floats,
    share: float,
) -> Stays:
    """Draw the stays that begin on a day, with their ends.

    Parameters
    ----------
    again
        The problem that causes each readmission, or :data:`NONE` for a new admission.
    at
        Time of each readmission (days); NaN for new admissions.
    share
        Rate of unsolved problems, relative to the default (0: none).
    """
    n = len(place)
    draw = stream(seed, "stays", day)
    has, frailty = people.has[trait], people.frailty[trait]
    back = again != NONE
    planned = (draw.random(n) < 0.22) & ~back & (weekday(EPOCH + day * DAY) < 5)
    weight = np.concatenate([has * 1.0, np.full((n, len(ACUTE)), 0.35)], axis=1)
    pick = draw.random(n) * weight.sum(axis=1)
    cause = np.minimum((np.cumsum(weight, axis=1) < pick[:, None]).sum(axis=1), len(CAUSES) - 1)
    severity = np.clip(np.exp(draw.normal(-0.1, 0.45, n)) * frailty**0.4, 0.2, 3.0)
    severity = np.where(back, severity * 1.1, severity)
    hour = np.where(planned, draw.uniform(7, 10, n), draw.normal(15, 5, n) % 24)
    admitted = np.where(np.isnan(at), day + hour / 24, np.fmax(at, day))
    length = np.maximum(draw.gamma(3.0, 1.3, n) * severity**0.7 * np.where(planned, 0.8, 1.0), 0.8)
    leave = np.floor(admitted + length) + np.clip(draw.normal(14, 2.5, n), 8, 21) / 24
    discharged = np.where(leave < admitted + 0.8, leave + 1, leave)
    procedures = draw.poisson(np.where(planned, 2.2, 0.8) * severity**0.5)
    dies = draw.random(n) < _FATAL * severity**1.5 * (people.age[trait] / 65) ** 3

    draw = stream(seed, "problems", day)
    old = np.exp((people.age[trait] - 65) / 40)
    sick = has.sum(axis=1)
    chance = np.column_stack(
        [
            0.055 * severity * (1 + 0.35 * sick) * (cause < len(CONDITIONS)),
            0.030 * severity**0.5 * (1 + 0.6 * np.minimum(procedures, 4)),
            0.022 * (1 + 0.45 * sick) * old * (2.0 - people.keeps[trait]),
            0.075 * (1 - people.support[trait]) ** 1.3 * (1 + 0.8 * people.alone[trait]) * old
            * (1 + has[:, CONDITIONS.index("dementia")] + has[:, CONDITIONS.index("depression")]),
        ]
    )  # fmt: skip
    chance *= share * np.where(planned, 0.6, 1.0)[:, None] * frailty[:, None] ** 0.5
    chance *= np.minimum(1.0, 0.9 / np.maximum(chance.sum(axis=1), 1e-9))[:, None]
    pick = draw.random(n)
    problem = 1 + (np.cumsum(chance, axis=1) < pick[:, None]).sum(axis=1)
    problem = np.where(problem > SOCIAL, NONE, problem)
    strength = np.where(problem == NONE, 0.0, draw.uniform(0.35, 1.0, n))
    gap = draw.gamma(2.0, 0.5, n) * _GAP[problem]
    comes = (problem != NONE) & (draw.random(n) < _BACK + 0.2 * (strength - 0.7))
    gap = np.where(comes, np.clip(gap, 0.6, 29.0), np.inf)
    shortened = (problem == RELAPSE) & (draw.random(n) < 0.5) & (discharged - admitted > 3)
    discharged = np.where(shortened, discharged - 1, discharged)

    draw = stream(seed, "ways out", day)
    needs = 0.25 * severity + 0.02 * (people.age[trait] - 60) + 0.3 * (1 - people.support[trait])
    way = needs + draw.normal(0, 0.35, n) - 0.35 * (problem == SOCIAL) * strength
    disposition = np.select([way > 1.15, way > 0.9, way > 0.55], [2, 3, 1], 0)
    disposition = np.where(draw.random(n) < 0.012 + 0.05 * (problem == SOCIAL), 4, disposition)
    return Stays(
        place, trait, admitted, discharged, cause, planned, dies, severity, problem, strength, gap,
        procedures, disposition, np.arange(n) + day * 100_000,
    )  # fmt: skip
