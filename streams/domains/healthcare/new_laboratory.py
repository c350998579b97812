"""Healthcare: a laboratory with other methods and units, which a world can get at a known time.

From then on a share of the samples goes to it, the others to the old one. It writes each result
under the old name, unit and reference range, as the interface was set up. But its methods have
other results, and two are in units that the interface does not tell. They are possible values
still, so no check of bounds finds them.

Such changes are common, and rarely told to those who use the data. In Dutch laboratories creatinine
by the Jaffe reaction read up to 21 % more than by enzymes (Drion, Cobbaert, Groenier et al., 2012,
Clinical evaluation of analytical variations in serum creatinine measurements, *BMC Nephrology* 13,
133). In England changes of the method went unannounced into primary care's records (Poh, McGovern
and de Lusignan, 2015, Improving the measurement of longitudinal change in renal function, *Journal
of Innovation in Health Informatics* 22).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Floats, Mask
from streamsim.streams.seeds import stream
from streamsim.streams.spec.world_changes import CHANGE, WorldChange

from .charts import Results
from .results import ANALYTES

OPTIONS: Mapping[str, float] = {**CHANGE, "change_size": 0.5}
"""When the laboratory comes (:data:`streamsim.streams.spec.world_changes.CHANGE`), and the share of
the samples that it gets in the end (0 to 1)."""

_FACTOR = {
    "creatinine": 1.25,  # Jaffe reaction
    "urea_nitrogen": 2.14,  # all urea, not its nitrogen
    "sodium": 0.96,  # diluted samples
    "hemoglobin": 0.6206,  # in mmol/L
    "white_cells": 1.5,  # with nucleated red cells
    "albumin": 1.2,  # bromocresol green, not purple
    "bnp": 6.5,  # NT-proBNP
    "glucose": 1.11,  # in plasma, not whole blood
}
"""What it writes for a result of 1 in the old method and unit."""


@dataclass(frozen=True, slots=True)
class NewLaboratory:
    """The laboratory of a world.

    Parameters
    ----------
    options
        Those of :data:`OPTIONS`.
    """

    seed: int
    options: Mapping[str, float]

    @property
    def change(self) -> WorldChange:
        """When it comes."""
        return WorldChange.of(
            "new_laboratory",
            "a laboratory with other methods and units gets a share of the samples",
            self.options,
        )

    def measured(self, results: Results, day: int) -> Floats:
        """Return the values of the results of stays that begin on a day, as they are written."""
        factor = np.array([_FACTOR[name] for name in ANALYTES])[results.which]
        return np.where(self._gets(results, day), results.value * factor, results.value)

    def _gets(self, results: Results, day: int) -> Mask:
        """Return which results are of samples that go to it; a sample has several results."""
        _, sample = np.unique(np.stack([results.stay, results.at]), axis=1, return_inverse=True)
        chance = stream(self.seed, "new laboratory", day).random(len(results.at))[sample.ravel()]
        gets: Mask = chance < self.options["change_size"] * self.change.shares(results.at)
        return gets
