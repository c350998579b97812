"""Healthcare: doctors' notes of simulated stays, in the styles of four doctors.

A note has present and denied findings and those of relatives. It also has the patient's name,
numbers and dates, like a real note, to test that they are masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Floats

from .patients import CONDITIONS, People
from .stays import (
    CAUSES,
    COMPLICATION,
    MEDICATION,
    RELAPSE,
    SOCIAL,
    Stays,
)

_SIGNS = {
    "heart_failure": ("shortness of breath", "edema", "weight gain", "fatigue"),
    "copd": ("shortness of breath", "cough", "wheezing"),
    "kidney_disease": ("edema", "nausea", "fatigue"),
    "diabetes": ("hypoglycemia", "fatigue", "thirst"),
    "coronary_disease": ("chest pain", "shortness of breath"),
    "atrial_fibrillation": ("palpitations", "dizziness"),
    "depression": ("insomnia", "fatigue"), "dementia": ("confusion", "falls"),
    "cirrhosis": ("edema", "confusion"), "cancer": ("fatigue", "nausea", "weight loss"),
    "pneumonia": ("fever", "cough", "shortness of breath"),
    "urinary_infection": ("fever", "dysuria"),
    "fracture": ("pain", "falls"), "gastrointestinal_bleeding": ("melena", "dizziness"),
    "sepsis": ("fever", "confusion"),
}  # fmt: skip
_ASKED = ("chest pain", "shortness of breath", "edema", "fever", "dizziness", "confusion")
_TROUBLE = ("fever", "wound drainage", "purulent discharge from the wound")
_SIDE = ("dizziness", "nausea", "confusion")
_SPOKEN = {
    "heart_failure": ("congestive heart failure", "CHF"), "copd": ("emphysema", "COPD"),
    "kidney_disease": ("chronic kidney disease", "CKD"), "diabetes": ("type 2 diabetes", "DM"),
    "coronary_disease": ("coronary artery disease", "CAD"),
    "atrial_fibrillation": ("atrial fibrillation", "afib"), "depression": ("depression",) * 2,
    "dementia": ("Alzheimer's disease", "dementia"), "cirrhosis": ("cirrhosis",) * 2,
    "cancer": ("cancer", "malignancy"), "pneumonia": ("pneumonia",) * 2,
    "urinary_infection": ("urinary tract infection", "UTI"),
    "fracture": ("hip fracture", "fracture"),
    "gastrointestinal_bleeding": ("GI bleeding", "GI bleed"), "sepsis": ("sepsis",) * 2,
}  # fmt: skip
_DRUGS = {
    "heart_failure": ("furosemide", "Lasix"), "copd": ("albuterol", "Ventolin"),
    "diabetes": ("metformin", "Glucophage"), "coronary_disease": ("aspirin", "ASA"),
    "atrial_fibrillation": ("warfarin", "Coumadin"), "depression": ("sertraline", "Zoloft"),
    "dementia": ("donepezil", "Aricept"), "pneumonia": ("levofloxacin", "Levaquin"),
}  # fmt: skip
_RISKY = ("insulin", "warfarin", "oxycodone", "digoxin", "prednisone")
_RELATIVES = ("diabetes", "coronary artery disease", "stroke", "cancer")
_DOCTORS = ("Dr. Hargreaves", "Dr. Nakagawa", "Dr. Oduya", "Dr. Lindholm")
DRAWS = 64
"""Random numbers in [0, 1) from which a note is written."""


def write(
    people: People, stays: Stays, row: int, patient: str, draws: Floats, date: str, leaving: bool
) -> str:
    """Write the note of one stay.

    Parameters
    ----------
    draws
        Shape ``(DRAWS,)``.
    leaving
        Whether it is the note of the discharge; else that of the admission.
    """
    trait, u = int(stays.trait[row]), iter(draws.tolist())
    short = int(people.style[trait] in (1, 2))
    cause = CAUSES[int(stays.cause[row])]
    chronic = [
        name for name, has in zip(CONDITIONS, people.has[trait].tolist(), strict=True) if has
    ]
    problem, strength = int(stays.problem[row]), float(stays.strength[row])
    there, denied = _signs(cause, problem if leaving else 0, strength, u, leaving)
    drugs = _drugs(chronic, cause, problem, strength, u, short) if leaving else []
    home = _home(people, trait, problem, leaving, u)
    relative = _RELATIVES[int(next(u) * len(_RELATIVES))] if next(u) < 0.6 else ""
    who = people.name(trait)
    title = f"{who}, {patient}, " + ("discharged" if leaving else "seen") + f" {date}"
    spoken = [_SPOKEN[name][short] for name in (cause, *chronic)]
    doctor = _DOCTORS[int(next(u) * len(_DOCTORS))]
    parts = _Parts(
        title, _SPOKEN[cause][short], list(dict.fromkeys(spoken))[1:], there, denied, drugs, home,
        relative, doctor, leaving, who.split()[1],
    )  # fmt: skip
    return _STYLES[int(people.style[trait])](parts)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The content of a note, before it is written in a style."""

    title: str
    cause: str
    chronic: Sequence[str]
    there: Sequence[str]
    denied: Sequence[str]
    drugs: Sequence[str]
    home: str
    relative: str
    doctor: str
    leaving: bool
    name: str


def _signs(
    cause: str, problem: int, strength: float, u: Iterator[float], leaving: bool
) -> tuple[list[str], list[str]]:
    """Return the present signs, and the denied ones."""
    stays = 0.85 if not leaving else 0.11 + (0.62 * strength if problem == RELAPSE else 0.0)
    there = [sign for sign in _SIGNS[cause] if next(u) < stays]
    trouble = 0.035 + (0.6 * strength if problem == COMPLICATION else 0.0)
    there += [sign for sign in _TROUBLE if leaving and next(u) < trouble]
    side = 0.05 + (0.5 * strength if problem == MEDICATION else 0.0)
    there += [sign for sign in _SIDE if leaving and next(u) < side]
    if next(u) < 0.05 + (0.5 * strength if problem == SOCIAL else 0.0):
        there.append("recurrent falls")
    there = list(dict.fromkeys(there))
    plain = " ".join(there)
    denied = [sign for sign in _ASKED if sign not in plain and next(u) < 0.6]
    return there, denied


def _drugs(
    chronic: Sequence[str],
    cause: str,
    problem: int,
    strength: float,
    u: Iterator[float],
    short: int,
) -> list[str]:
    named = [_DRUGS[name][short] for name in dict.fromkeys((*chronic, cause)) if name in _DRUGS]
    risky = 0.12 + (0.4 * strength if problem == MEDICATION else 0.0)
    named += [name for name in _RISKY if next(u) < risky]
    return [f"{name} {5 * (1 + int(next(u) * 9))} mg daily" for name in dict.fromkeys(named)]


def _home(people: People, trait: int, problem: int, leaving: bool, u: Iterator[float]) -> str:
    asked = next(u) < (0.85 if problem == SOCIAL else 0.7)
    if not (leaving and asked):
        return ""
    helped = next(u) < people.support[trait]
    if people.alone[trait]:
        return "Lives alone" + (", a neighbor helps" if helped else ", no help at home")
    return "Lives with spouse" if helped else "Lives with family, little help at home"


def _list(words: Sequence[str], last: str = "and") -> str:
    return ", ".join(words[:-1]) + f" {last} {words[-1]}" if len(words) > 1 else "".join(words)


def _full(p: _Parts) -> str:
    """Write sections with headers, in sentences."""
    lines = [p.title, f"HISTORY OF PRESENT ILLNESS: Mr./Ms. {p.name} came with {p.cause}."]
    if p.chronic:
        lines.append(f"PAST MEDICAL HISTORY: {_list(p.chronic)}. No history of stroke.")
    lines.append(f"FAMILY HISTORY: {'Mother had ' + p.relative if p.relative else 'Unremarkable'}.")
    lines.append("HOSPITAL COURSE: " + _course(p))
    if p.home:
        lines.append(f"SOCIAL HISTORY: {p.home}.")
    if p.drugs:
        lines.append("DISCHARGE MEDICATIONS: " + "; ".join(p.drugs) + ".")
    lines.append(f"FOLLOW-UP: with {p.doctor}, call 555-{len(p.name):03d}-{len(p.title):04d}.")
    return "\n".join(lines)


def _course(p: _Parts) -> str:
    verb = "There is still" if p.leaving else "There is"
    text = f"{verb} {_list(p.there)}. " if p.there else "Recovered well. "
    return text + (f"Denies {_list(p.denied, 'or')}." if p.denied else "")


def _brief(p: _Parts) -> str:
    """Write abbreviations under short headers."""
    lines = [p.title, f"HPI: {p.cause}", f"PMH: {', '.join(p.chronic) or 'none'}"]
    lines.append(f"FH: {p.relative or 'neg'}")
    lines.append(
        f"ROS: {'pos for ' + ', '.join(p.there) if p.there else 'ok'}."
        + (f" No {', '.join(p.denied)}." if p.denied else "")
    )
    lines += [f"SH: {p.home}"] if p.home else []
    lines += [f"MEDS: {', '.join(p.drugs)}"] if p.drugs else []
    return "\n".join([*lines, f"Seen by {p.doctor}"])


def _running(p: _Parts) -> str:
    """Write one paragraph without a header."""
    text = f"{p.title}. Pt with {p.cause}"
    text += f", known {', '.join(p.chronic)}. " if p.chronic else ". "
    text += f"Has {_list(p.there)}. " if p.there else "Feels well. "
    text += f"No {_list(p.denied, 'or')}. " if p.denied else ""
    text += f"{p.home}. " if p.home else ""
    text += f"Goes on with {_list(p.drugs)}. " if p.drugs else ""
    return text + f"{p.doctor}"


def _listed(p: _Parts) -> str:
    """Write lists of items."""
    lines = [p.title, "ASSESSMENT:", f"- {p.cause}", *(f"- {name}" for name in p.chronic)]
    lines += ["FAMILY HISTORY:", f"- {p.relative or 'nothing of note'}", "REVIEW OF SYSTEMS:"]
    lines += [f"- reports {sign}" for sign in p.there] + [f"- no {sign}" for sign in p.denied]
    lines += ["SOCIAL HISTORY:", f"- {p.home}"] if p.home else []
    lines += ["MEDICATIONS:", *(f"- {drug}" for drug in p.drugs)] if p.drugs else []
    return "\n".join([*lines, f"- follow up with {p.doctor}"])


_STYLES: tuple[Callable[[_Parts], str], ...] = (_full, _brief, _running, _listed)


def draws_for(rng: np.random.Generator, n: int) -> Floats:
    """Draw the random numbers of ``n`` notes, shape ``(n, DRAWS)``."""
    return rng.random((n, DRAWS))
