"""Model of a domain: its recipe, slate, renewal, estimates, rescoring and adaptation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints
from streamsim.streams.spec.adapting import Adaptation
from streamsim.streams.spec.recipes import Estimate, Recipe, Slate
from streamsim.streams.spec.renewals import Renewal


@dataclass(frozen=True, slots=True)
class Rescoring:
    """Rescoring of events that were sent before a third party had answered.

    The first answer about an entity carries the events that were sent without it. Once no older
    event can arrive, they are scored again, as a batch job that had the answer would score them.
    The scores go to ``<domain>.corrections``.

    Parameters
    ----------
    join
        Name of the as-of join that found nothing for them.
    field
        String field of its source: a JSON list of the events, as they were sent.
    within
        Longest time between an event and the answer that corrects it (ms).
    most
        The most events that one answer corrects, the latest.
    """

    join: str
    field: str
    within: int
    most: int = 100


@dataclass(frozen=True, slots=True)
class Model:
    """A domain's model: how it is trained and renewed, and what it answers.

    Parameters
    ----------
    recipe
        How it is trained.
    slate
        What it recommends for each event, if anything.
    renewal
        How it is renewed from the stream, if at all.
    estimates
        Numbers that it estimates beside its score.
    rescoring
        Which events it scores again, if any.
    adaptation
        How it adapts to what the stream shows; ``None``: not at all.

    Raises
    ------
    UsageError
        If parts exclude each other: a slate and a selection of features, a renewal and a
        rescoring; or if two estimates have the same name.
    """

    recipe: Recipe
    slate: Slate | None = None
    renewal: Renewal | None = None
    estimates: tuple[Estimate, ...] = ()
    rescoring: Rescoring | None = None
    adaptation: Adaptation | None = None

    def __post_init__(self) -> None:
        if self.slate is not None and self.recipe.selection is not None:
            raise UsageError("a model with a slate cannot select its features by its labels")
        if self.renewal is not None and self.rescoring is not None:
            raise UsageError(
                "renewal excludes rescoring: events are scored again by the same model"
            )
        names = Counter(estimate.name for estimate in self.estimates)
        if twins := [name for name, n in names.items() if n > 1]:
            raise UsageError(f"two estimates have the same name: {', '.join(twins)}")

    def truth(self, labels: Ints, items: Ints | None) -> Ints:
        """Return the truth of scores.

        Parameters
        ----------
        labels
            The labels, shape ``(n,)``; -1 where there is none.
        items
            The recommended items, shape ``(n, size)``; ``None`` without a slate.

        Returns
        -------
        The labels, or the slate's verdict on the items; -1 where it is unknown.
        """
        if self.slate is None or items is None:
            return labels
        return np.where(labels < 0, -1, self.slate.verdict(items, labels))
