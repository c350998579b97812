"""Quality of a ranked list: the normalised discounted cumulative gain."""

from __future__ import annotations

import numpy as np

from streamsim.streams.domains.technology.ranking import NONE
from streamsim.streams.events import Floats, Ints, Mask


def ndcg(items: Ints, relevant: Mask) -> Floats:
    """Return the normalised discounted cumulative gain of each list, NaN if nothing is relevant.

    Relevance is binary. A relevant title at rank r gains ``1 / log2(1 + r)``; the sum is divided by
    that of the best possible list (Järvelin and Kekäläinen 2002, ACM TOIS 20(4)).

    Parameters
    ----------
    items
        Titles in the order of their ranks, shape ``(users, k)``; -1 for no title.
    relevant
        Shape ``(users, titles)``.

    Examples
    --------
    >>> wanted = np.array([[True, True, False], [False, False, False]])
    >>> ndcg(np.array([[0, 2], [0, 1]]), wanted).round(3).tolist()
    [0.613, nan]
    """
    hits = np.take_along_axis(relevant, np.maximum(items, 0), axis=1) & (items != NONE)
    gains = 1 / np.log2(2 + np.arange(items.shape[1]))
    ideal = np.concatenate(([np.nan], np.cumsum(gains)))
    most = np.minimum(relevant.sum(axis=1), items.shape[1])
    found: Floats = (hits @ gains) / ideal[most]
    return found
