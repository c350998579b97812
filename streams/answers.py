"""A model's answers: a score per row, with estimates and recommended items where the model has any.

An answer has shape ``(n,)`` where a model only scores. Otherwise its columns are the score, the
estimates (:class:`streamsim.streams.spec.Estimate`) and the recommended items, as whole numbers
that a float64 holds exactly. The domain or the model's signature says how many estimates there are.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from streamsim.streams.events import Floats, Ints

Answers: TypeAlias = Floats


@runtime_checkable
class Recommender(Protocol):
    """An estimator that recommends items, and scores how likely one of them is right."""

    def recommend(self, X: Any) -> tuple[Floats, Ints]:
        """Return scores, shape ``(n,)``, and items, the best first, shape ``(n, size)``."""
        ...


@runtime_checkable
class Chooser(Protocol):
    """A recommender whose slates can have another size or another diversity."""

    def slates(self, X: Any, size: int | None = None, diversity: float | None = None) -> Ints:
        """Return items, the best first, shape ``(n, size)``, padded with 0.

        Parameters
        ----------
        size, diversity
            How many items, and how different from each other: 0 ranks by score alone, values
            towards 1 favour variety. The defaults are those of :meth:`recommend`.
        """
        ...


@runtime_checkable
class Estimating(Protocol):
    """An estimator that estimates numbers beside its score."""

    def estimate(self, X: Any) -> Floats:
        """Return the estimates, shape ``(n, n_numbers)``."""
        ...


def answers(scores: Floats, items: Ints | None = None, estimates: Floats | None = None) -> Answers:
    """Join scores, estimates and items to one array.

    >>> both = answers(np.array([0.5]), np.array([[7, 3]]))
    >>> scores_of(both).tolist(), items_of(both).tolist()
    ([0.5], [[7, 3]])
    >>> all_three = answers(np.array([0.5]), np.array([[7, 3]]), np.array([[42.5]]))
    >>> estimates_of(all_three, 1).tolist(), items_of(all_three, 1).tolist()
    ([[42.5]], [[7, 3]])
    >>> items_of(answers(np.array([0.5]))) is None
    True
    """
    parts = [scores]
    if estimates is not None and estimates.shape[1]:
        parts.append(estimates)
    if items is not None:
        parts.append(items.astype(np.float64))
    return scores if len(parts) == 1 else np.column_stack(parts)


def scores_of(answer: Answers) -> Floats:
    """Return the scores, shape ``(n,)``."""
    return answer if answer.ndim == 1 else answer[:, 0]


def estimates_of(answer: Answers, n_numbers: int) -> Floats:
    """Return the estimates, shape ``(n, n_numbers)``."""
    return answer[:, 1 : 1 + n_numbers] if n_numbers else np.empty((len(answer), 0))


def items_of(answer: Answers, n_numbers: int = 0) -> Ints | None:
    """Return the items, shape ``(n, size)``, or ``None`` if the model recommends none."""
    if answer.ndim == 1 or answer.shape[1] == 1 + n_numbers:
        return None
    return answer[:, 1 + n_numbers :].astype(np.int64)
