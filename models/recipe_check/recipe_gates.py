"""Gates of a recipe: its figures against those of a reference that is kept beside the code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from streamsim.models.recipe_check.recipe_figures import higher_is_better
from streamsim.streams.events import Floats
from streamsim.streams.statistics.intervals import Interval

SURE = 2.015
"""Standard deviations of a sure loss: Student's t at 95 %, one-sided, of one less than refits."""
GROWTH = 1.5
"""How many times as large a model's file may become."""


@dataclass(frozen=True, slots=True)
class FixedWorld:
    """The world that a recipe is trained and judged on."""

    seed: int
    days: float
    options: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """A recipe that was trained and judged.

    Attributes
    ----------
    learnt, judged
        Numbers of events, and of positive ones among them.
    rows
        Fingerprint of the events that were learnt from and judged, without their features. Figures
        of other events are not compared.
    features
        Fingerprint of the features' definition.
    figures, paired
        By name; the figures of all refits and draws too.
    size
        Of the model's file (bytes).
    refused
        Why it cannot be loaded in a clean process; empty if it can.
    fit_s, score_ms
        How long the fit took, and the scoring of 1,024 events. They are shown and never judged.
    """

    model: str
    world: FixedWorld
    learnt: tuple[int, int]
    judged: tuple[int, int]
    rows: str
    features: str
    figures: Mapping[str, Interval]
    paired: Mapping[str, Floats]
    size: int
    refused: str
    fit_s: float
    score_ms: float


@dataclass(frozen=True, slots=True)
class Kept:
    """A figure of the reference.

    Attributes
    ----------
    tolerance
        How much worse a recipe may surely be.
    paired
        The figure of all refits and draws.
    """

    value: float
    tolerance: float
    paired: Floats


@dataclass(frozen=True, slots=True)
class Reference:
    """What a recipe is compared with.

    Attributes
    ----------
    figures
        By name.
    most
        Largest size of the model's file (bytes).
    libraries
        Versions of the libraries that computed the figures.
    """

    world: FixedWorld
    rows: str
    features: str
    figures: Mapping[str, Kept]
    size: int
    most: int
    libraries: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Gate:
    """One comparison, in texts for a table; ``passed`` is ``None`` where nothing is judged."""

    name: str
    now: str
    reference: str = ""
    change: str = ""
    bound: str = ""
    passed: bool | None = None

    @property
    def verdict(self) -> str:
        """The outcome in a word."""
        return {True: "fine", False: "WORSE", None: ""}[self.passed]


def incomparable(now: Measured, reference: Reference) -> str:
    """Say why figures cannot be compared; empty if they can."""
    if now.rows != reference.rows:
        return "the events are others: the world, its options or a library has changed"
    kept = {name: len(own.paired) for name, own in reference.figures.items()}
    if kept != {name: len(own) for name, own in now.paired.items()}:
        return "other figures are judged: the recipe's metric or its estimates have changed"
    return ""


def gates(now: Measured, reference: Reference) -> list[Gate]:
    """Compare a recipe with its reference; the two are comparable."""
    found = [_figure(name, now, own) for name, own in reference.figures.items()]
    if now.size:
        size = Gate("size (bytes)", f"{now.size:,}", f"{reference.size:,}")
        change, most = f"{now.size - reference.size:+,}", f"{reference.most:,} at most"
        found.append(replace(size, change=change, bound=most, passed=now.size <= reference.most))
    found.append(Gate("loads apart", now.refused or "yes", "yes", passed=not now.refused))
    changed = "" if now.features == reference.features else "changed"
    found.append(Gate("features", now.features, reference.features, changed))
    return found


def _figure(name: str, now: Measured, kept: Kept) -> Gate:
    """Compare a figure: it is worse if all of the change's interval is beyond the tolerance."""
    figure, sign = now.figures[name], 1 if higher_is_better(name) else -1
    change = figure.value - kept.value
    margin = SURE * float(np.nanstd(now.paired[name] - kept.paired, ddof=1))
    return Gate(
        name,
        f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})",
        f"{kept.value:.4f}",
        f"{change:+.4f} ± {margin:.4f}",
        f"{kept.tolerance:g} worse at most",
        # A last digit is no change.
        -sign * change - margin <= kept.tolerance + 1e-5,
    )
