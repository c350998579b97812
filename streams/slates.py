"""A model's answers: a score for each row, and behind it the items that it puts forward, if any.

An answer has shape ``(n,)`` where a model only scores, and ``(n, 1 + size)`` where it has a slate:
the score, then the items, as whole numbers that a float64 holds exactly.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from streams.events import Floats, Ints

Answers: TypeAlias = Floats


@runtime_checkable
class Recommender(Protocol):
    """An estimator that puts items forward, and scores how likely one of them is right."""

    def recommend(self, X: Any) -> tuple[npt.NDArray[np.float64], Ints]:
        """Return scores, shape ``(n,)``, and items, the best first, shape ``(n, size)``."""
        ...


@runtime_checkable
class Chooser(Protocol):
    """A recommender that can put forward more items or fewer, or such as are less alike."""

    def slates(self, X: Any, size: int | None = None, diversity: float | None = None) -> Ints:
        """Return items, the best first, shape ``(n, size)``, 0 where there are no more.

        Parameters
        ----------
        size, diversity
            How many, and how unlike each other: 0 by score alone, towards 1 rather unlike; by
            default as it would put them forward by itself.
        """
        ...


def answers(scores: Floats, items: Ints | None = None) -> Answers:
    """Put scores and their items together.

    >>> both = answers(np.array([0.5]), np.array([[7, 3]]))
    >>> scores_of(both).tolist(), items_of(both).tolist()
    ([0.5], [[7, 3]])
    >>> items_of(answers(np.array([0.5]))) is None
    True
    """
    return scores if items is None else np.column_stack([scores, items.astype(np.float64)])


def scores_of(answer: Answers) -> Floats:
    """Return the scores, shape ``(n,)``."""
    return answer if answer.ndim == 1 else answer[:, 0]


def items_of(answer: Answers) -> Ints | None:
    """Return the items, shape ``(n, size)``, or ``None`` if the model only scores."""
    return None if answer.ndim == 1 else answer[:, 1:].astype(np.int64)
