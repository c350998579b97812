"""The model of a domain: how it is made and renewed, and what it answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints
from streamsim.streams.spec.recipes import Estimate, Recipe, Slate
from streamsim.streams.spec.renewals import Renewal


@dataclass(frozen=True, slots=True)
class Rescoring:
    """Which events are scored again: those that came before a third party had answered.

    The first answer about an entity carries the events that were sent without it. Once nothing
    older can come they are scored again, to ``<domain>.corrections``, as a batch that knew the
    answer would score them.

    Parameters
    ----------
    join
        Name of the as-of join that had nothing for them.
    field
        String field of its source: a JSON list of the events, as they were sent.
    within
        An answer corrects events of so long before it came at the most (ms).
    most
        Of one answer at most so many, the latest.
    """

    join: str
    field: str
    within: int
    most: int = 100


@dataclass(frozen=True, slots=True)
class Model:
    """How a domain's model is made and renewed, and what it answers.

    Parameters
    ----------
    recipe
        How it is trained.
    slate
        What it recommends for each event, if it does.
    renewal
        How it is renewed from the stream, if it is.
    estimates
        Numbers that it gives beside its score.
    rescoring
        Which events it scores again, if it does.

    Raises
    ------
    UsageError
        If parts exclude each other: a slate and a selection of features, a renewal and a
        rescoring; or if two estimates have the
        same name.
    """

    recipe: Recipe
    slate: Slate | None = None
    renewal: Renewal | None = None
    estimates: tuple[Estimate, ...] = ()
    rescoring: Rescoring | None = None

    def __post_init__(self) -> None:
        if self.slate is not None and self.recipe.selection is not None:
            raise UsageError("a model with a slate cannot select its features by its labels")
        if self.renewal is not None and self.rescoring is not None:
            raise UsageError("what is scored again needs a model that stays: it cannot be renewed")
        names = Counter(estimate.name for estimate in self.estimates)
        if twins := [name for name, n in names.items() if n > 1]:
            raise UsageError(f"two estimates have the same name: {', '.join(twins)}")

    def truth(self, labels: Ints, items: Ints | None) -> Ints:
        """Return what was true of scores.

        Parameters
        ----------
        labels
            What the labels say, shape ``(n,)``; -1 where there is none.
        items
            What was recommended, shape ``(n, size)``; ``None`` without a slate.

        Returns
        -------
        The labels, or the slate's verdict on the items; -1 where it is not known.
        """
        if self.slate is None or items is None:
            return labels
        return np.where(labels < 0, -1, self.slate.verdict(items, labels))
