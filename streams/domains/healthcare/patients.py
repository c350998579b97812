"""Healthcare: simulated patients: chronic illness, frailty, home, names and numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Floats, Ints, Mask, Objects, as_objects
from streamsim.streams.seeds import stream

CONDITIONS = (
    "heart_failure",
    "copd",
    "kidney_disease",
    "diabetes",
    "coronary_disease",
    "atrial_fibrillation",
    "depression",
    "dementia",
    "cirrhosis",
    "cancer",
)
_COMMON = np.array([0.16, 0.15, 0.14, 0.28, 0.20, 0.12, 0.14, 0.06, 0.04, 0.09])
"""Share of patients at 65 who have each condition; it grows with age."""
ACUTE = ("pneumonia", "urinary_infection", "fracture", "gastrointestinal_bleeding", "sepsis")
"""Acute causes of an admission, possible for every patient."""
GROUPS = {
    "heart_failure": "circulatory", "copd": "respiratory", "kidney_disease": "genitourinary",
    "diabetes": "diabetes", "coronary_disease": "circulatory", "atrial_fibrillation": "circulatory",
    "depression": "mental", "dementia": "nervous", "cirrhosis": "digestive", "cancer": "neoplasm",
    "pneumonia": "respiratory", "urinary_infection": "genitourinary", "fracture": "injury",
    "gastrointestinal_bleeding": "digestive", "sepsis": "infection",
}  # fmt: skip
"""Groups of diagnoses."""
PAYERS = ("medicare", "medicaid", "insurer", "self")
OUTPATIENT, EMERGENCY, INPATIENT, MISSED = range(4)

GIVEN = (
    "Mary", "James", "Linda", "Robert", "Barbara", "Michael", "Elizabeth", "William", "Susan",
    "David", "Karen", "Richard", "Nancy", "Thomas", "Helen", "Daniel", "Ruth", "George", "Maria",
    "Kenneth", "Dorothy", "Edward", "Carol", "Walter", "Fatima", "Chen", "Olga", "Luis",
)  # fmt: skip
FAMILY = (
    "Kowalczyk", "Abernathy", "Vandermeer", "Okonkwo", "Fitzgerald", "Castellanos", "Lindqvist",
    "Haverford", "Petrosyan", "Delacroix", "Montague", "Szymanski", "Thorvaldsen", "Quigley",
    "Ramaswamy", "Birkenstock", "Oyelaran", "Papadakis", "Wetherby", "Zielinski",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class People:
    """Stable traits of patients; the successor of a patient who dies or moves has another row.

    Attributes
    ----------
    age
        At the world's beginning (years).
    has
        Chronic illness, shape ``(n, n_conditions)``.
    frailty
        Rate and severity of illness: 1 on average.
    alone
        Whether they live alone; ``support`` is the quality of their care at home, from 0 to 1.
    keeps
        Reliability in keeping appointments and taking drugs, from 0 to 1.
    rate
        Unplanned stays a year, without readmissions that an unsolved problem causes.
    payer, style
        Payer, and the style of their doctor's notes.
    """

    age: Floats
    has: Mask
    frailty: Floats
    alone: Mask
    support: Floats
    keeps: Floats
    rate: Floats
    payer: Ints
    given: Ints
    family: Ints
    style: Ints

    def __len__(self) -> int:
        return len(self.age)

    def name(self, trait: int) -> str:
        """Return the name of the patient with these traits."""
        return f"{GIVEN[self.given[trait]]} {FAMILY[self.family[trait]]}"


def draw_people(seed: int, patients: int) -> People:
    """Draw the traits of a seed's patients."""
    n = patients
    draw = stream(seed, "traits")
    age = np.clip(draw.normal(64, 16, n), 18, 98).round()
    older = np.exp((age - 65) / 28)
    has = draw.random((n, len(CONDITIONS))) < np.minimum(_COMMON * older[:, None], 0.7)
    frailty = draw.gamma(3.0, 1 / 3.0, n)
    draw = stream(seed, "homes")
    alone = draw.random(n) < 0.27
    support = np.clip(draw.beta(5, 2, n) - 0.25 * alone, 0.02, 1.0)
    keeps = draw.beta(6, 2, n)
    rate = 0.36 * older**0.5 * (1 + 0.35 * has.sum(axis=1)) * frailty
    payer = np.where(age >= 65, 0, draw.choice(len(PAYERS), n, p=[0.1, 0.25, 0.5, 0.15]))
    draw = stream(seed, "names")
    return People(
        age, has, frailty, alone, support, keeps, rate, payer,
        draw.integers(len(GIVEN), size=n), draw.integers(len(FAMILY), size=n),
        draw.integers(4, size=n),
    )  # fmt: skip


class Register:
    """The hospital's register: the patient of each place, and counts of visits and stays by month.

    Attributes
    ----------
    person
        Number of the person in each place; another person succeeds one who dies or moves.
    trait
        The row of that person's traits.
    """

    def __init__(self, seed: int, people: People) -> None:
        n = len(people)
        self._seed = seed
        self._next = n
        self.people = people
        self.person = np.arange(n)
        self.trait = np.arange(n)
        self._months = np.zeros((4, 12, n), np.int16)
        draw = stream(seed, "register")
        usual = (1.0 + people.has.sum(axis=1), 0.5 * people.frailty, people.rate * 1.15)
        for kind, a_year in zip((OUTPATIENT, EMERGENCY, INPATIENT), usual, strict=True):
            self._months[kind] = draw.poisson(np.broadcast_to(a_year / 12, (12, n)))
        self._months[MISSED] = draw.poisson((1 - people.keeps) * 1.5 / 12, (12, n))

    def month(self, number: int) -> None:
        """Begin a month, and drop the counts of a year ago."""
        self._months[:, number % 12] = 0

    def count(self, kind: int, places: Ints, month: int) -> None:
        """Count a visit, a stay or a missed appointment of each place."""
        np.add.at(self._months[kind, month % 12], places, 1)

    def year(self, kind: int, places: Ints) -> Ints:
        """Return the counts of the last year."""
        found: Ints = self._months[kind][:, places].sum(axis=0).astype(np.int64)
        return found

    def leave(self, places: Ints, day: int) -> None:
        """Replace the people in these places, who have died or moved, by others."""
        n = len(places)
        draw = stream(self._seed, "newcomers", day, self._next)
        self.person[places] = self._next + np.arange(n)
        self.trait[places] = draw.integers(len(self.people), size=n)
        self._months[:, :, places] = 0
        self._next += n

    def patient_id(self, places: Ints) -> Objects:
        """Return the hospital's numbers of the people in these places, not pseudonyms."""
        return as_objects(f"MRN-{700_000 + 7 * p:07d}" for p in self.person[places].tolist())
