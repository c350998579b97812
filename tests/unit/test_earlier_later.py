"""Nothing is learnt that was not known when the judged part began."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from streamsim.models.labelled import Labelled
from streamsim.models.recipe_check.earlier_later import apart, refuse_one_class
from streamsim.streams.errors import ModelError


def spec(delay: int) -> Any:
    estimates = (SimpleNamespace(name="left", delay=2 * delay),)
    return SimpleNamespace(
        labels=SimpleNamespace(delay=delay), model=SimpleNamespace(estimates=estimates)
    )


def rows(n: int) -> Labelled:
    at = np.arange(n, dtype=np.int64)
    return Labelled(at[:, None].astype(np.float32), at % 2, at, at.astype(object), np.ones((n, 1)))


def test_labels_and_numbers_that_were_still_to_come_are_not_learnt() -> None:
    earlier, later, cut = apart(spec(10), rows(111))
    assert cut == 70
    assert (earlier.times.max(), later.times.min()) == (60, 70)
    known = np.isfinite(earlier.numbers[:, 0])
    assert earlier.times[known].max() == 50
    assert np.isfinite(later.numbers).all()


def test_a_world_without_a_later_part_is_refused() -> None:
    with pytest.raises(ModelError, match="no event with a final label"):
        apart(spec(10), rows(0))
    with pytest.raises(ModelError, match="needs more days"):
        apart(spec(500), rows(100))


def test_a_part_of_one_class_is_refused() -> None:
    with pytest.raises(ModelError, match="has 1 positive and 30 negative events"):
        refuse_one_class(np.array([1] + [0] * 30), "the part")
