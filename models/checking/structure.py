"""Structure of a loaded model: trees whose indices are in range, and the width of its rows.

A tree's nodes are arrays, and compiled code follows their indices without a check. With an index
out of range it reads foreign memory or crashes, and with a cycle it never ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.models.composed import Composed
from streamsim.models.kept_columns import KeptColumns
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Ints

_LEAF = -1
"""Child of a leaf in scikit-learn's trees."""


def check_structure(what: str, estimator: Any, width: int) -> None:
    """Refuse a model that does not take rows of ``width`` columns, or has a damaged tree.

    Raises
    ------
    ModelError
        In one line that begins with ``what``.
    """
    takes = _width(estimator)
    if takes is not None and takes != width:
        raise ModelError(f"{what} takes rows of {takes} columns, and its signature has {width}")
    for part, own in _parts(estimator):
        kind = type(part).__name__
        if kind == "TreePredictor":
            fault = _fault_of_nodes(part, own)
        elif kind == "Tree":
            fault = _fault(part.children_left, part.children_right, part.feature, own)
        elif isinstance(part, KeptColumns):
            columns = np.asarray(part.columns)
            is_fine = columns.dtype.kind == "i" and _within(columns, 0, width)
            fault = "" if is_fine else "columns that its rows do not have"
        else:
            continue
        if fault:
            raise ModelError(f"{what} is damaged: {fault}")


def _width(estimator: Any) -> int | None:
    """Return how many columns a model takes, ``None`` if it does not say."""
    if isinstance(estimator, Composed):
        return _width(estimator.classifier)
    found = getattr(estimator, "n_features_in_", None)
    return None if found is None else int(found)


def _parts(whole: Any) -> Iterator[tuple[Any, int]]:
    """Yield an object and all that it holds, with the number of columns of its rows.

    That is what the estimator around it says and checks of its rows; 0 without one, so that a tree
    of unknown rows has no column.
    """
    seen: set[int] = set()
    waiting: list[tuple[Any, int]] = [(whole, 0)]
    while waiting:
        own, width = waiting.pop()
        if id(own) in seen or isinstance(own, (str, bytes, int, float, type(None))):
            continue
        seen.add(id(own))
        yield own, width
        held: list[Any] = []
        if isinstance(own, dict):
            held = list(own.values())
        elif isinstance(own, (list, tuple, set)):
            held = list(own)
        elif isinstance(own, np.ndarray):
            held = own.ravel().tolist() if own.dtype == object else []
        else:
            width = _width(own) or width
            held = [*getattr(own, "__dict__", {}).values(), getattr(own, "tree_", None)]
        waiting += [(part, width) for part in held]


def _fault_of_nodes(predictor: Any, width: int) -> str:
    """Return what is wrong with a tree of histogram gradient boosting; empty if nothing is."""
    nodes = predictor.nodes
    try:
        inner = nodes["is_leaf"] == 0
        left, right = (
            np.where(inner, nodes[side].astype(np.int64), _LEAF) for side in ("left", "right")
        )
        categories = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
        feature = nodes["feature_idx"]
    except (ValueError, IndexError, KeyError, TypeError):
        return "a tree without nodes"
    if not _within(categories, 0, len(predictor.raw_left_cat_bitsets)):
        return "a tree with categories that it does not have"
    return _fault(left, right, feature, width)


def _fault(left: Ints, right: Ints, feature: npt.NDArray[Any], width: int) -> str:
    """Return what is wrong with a tree; empty if nothing is.

    A node's children come after it, as scikit-learn builds its trees, so no path has a cycle.

    >>> _fault(np.array([1, -1, -1]), np.array([2, -1, -1]), np.array([0, -2, -2]), 1)
    ''
    >>> _fault(np.array([0, -1, -1]), np.array([2, -1, -1]), np.array([0, -2, -2]), 1)
    'a tree with a cycle'
    """
    inner = np.flatnonzero(left != _LEAF)
    if not len(left) or not len(left) == len(right) == len(feature):
        return "a tree without nodes"
    children = np.concatenate([left[inner], right[inner]])
    if not _within(children, 0, len(left)):
        return "a tree with nodes that it does not have"
    if (children <= np.concatenate([inner, inner])).any():
        return "a tree with a cycle"
    if not _within(feature[inner], 0, width):
        return "a tree with columns that its rows do not have"
    return ""


def _within(indices: npt.NDArray[Any], low: int, end: int) -> bool:
    return not len(indices) or bool(low <= indices.min() and indices.max() < end)
