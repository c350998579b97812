"""Predictions and labels as a notebook has them: ids meet, words are classes, mistakes are said."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from streamsim.consumers.monitor import track_accuracy
from streamsim.streams.errors import UsageError

N = 40
AT = pd.date_range("2025-01-01", periods=N, freq="h", tz="UTC")
IDS = [f"e{i}" for i in range(N)]


def last(
    prediction: Any = 1,
    label: Any = 1,
    *,
    said_ids: Sequence[Any] = IDS,
    true_ids: Sequence[Any] = IDS,
    window: Any = 20,
    **options: Any,
) -> tuple[float, int]:
    """Return the value and the samples of the last state."""
    said = pd.DataFrame({"event_id": said_ids, "event_time": AT, "prediction": prediction})
    known = AT + pd.Timedelta("1h")
    true = pd.DataFrame({"event_id": true_ids, "known_at": known, "label": label})
    state = list(track_accuracy(said, true, window, 0.7, min_samples=5, **options))[-1]
    return round(state.value, 3), state.samples


@pytest.mark.parametrize(
    ("said", "true"),
    [
        (range(N), [*map(float, range(N))]),
        (range(N), [*map(str, range(N))]),
        (range(N), [f"{i}.0" for i in range(N)]),
        ([f"{i:04}" for i in range(N)], range(N)),
        ([f"{i:02}" for i in range(1, N)] + ["1"], [f"{i:02}" for i in range(1, N)] + ["1"]),
        ([f" e{i}" for i in range(N)], IDS),
    ],
)
def test_ids_that_are_the_same_meet(said: Sequence[Any], true: Sequence[Any]) -> None:
    assert last(said_ids=said, true_ids=true) == (1.0, 20)


def test_ids_that_never_meet_are_told() -> None:
    with pytest.raises(
        UsageError,
        match="no label has the event_id of a prediction: predictions have 'e0', 'e1', 'e2', "
        "labels '0-e', '1-e', '2-e'",
    ):
        last(true_ids=[f"{i}-e" for i in range(N)])


@pytest.mark.parametrize(
    ("prediction", "label", "value"),
    [
        (["fraud", "legit"] * 20, ["fraud"] * N, 0.5),
        ([True, False] * 20, True, 0.5),
        (pd.array([1, 0] * 20, "Int64"), [Decimal(1)] * N, 0.5),
        (np.float32(1), np.int8(1), 1.0),
    ],
)
def test_classes_may_be_words_booleans_and_any_number(
    prediction: Any, label: Any, value: float
) -> None:
    assert last(prediction, label) == (value, 20)


def test_a_window_may_be_a_number_of_numpy() -> None:
    assert last(window=np.int64(7)) == (1.0, 7)
    assert last(window=pd.Timedelta("5h")) == (1.0, 5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prediction": 0.93}, "a prediction of 0.93 is no class, and accuracy compares classes"),
        ({"label": ["fraud"] * N}, "predictions like 1 and labels like 'fraud' are never equal"),
        (
            {"label": ["fraud"] * N, "metric": "roc_auc"},
            "labels like 'fraud' are no numbers, and roc_auc needs numbers",
        ),
        (
            {"prediction": 0.93, "metric": "precision"},
            r"a prediction of 0.93 is neither 0 nor 1, .* as in precision@0\.5",
        ),
        ({"window": "a week"}, "not a span of time: 'a week'"),
        ({"window": [1]}, r"not a span of time: \[1\]"),
        ({"metric": "f1"}, "no metric 'f1'; there are"),
    ],
)
def test_a_mistake_is_answered_in_a_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        last(**options)


def test_a_table_that_is_none_or_lacks_a_column_is_said() -> None:
    said = pd.DataFrame({"event_id": IDS, "event_time": AT, "prediction": 1})
    true = pd.DataFrame({"event_id": IDS, "known_at": AT, "is_fraud": 1, 5: 0})
    with pytest.raises(UsageError, match=r"labels have no column label; there are .*is_fraud, 5"):
        list(track_accuracy(said, true, 5, 0.7))
    with pytest.raises(UsageError, match="labels are a DataFrame, not dict"):
        list(track_accuracy(said, {}, 5, 0.7))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="predictions: event_time has a value that is no time"):
        list(track_accuracy(said.assign(event_time="soon"), true, 5, 0.7))


def test_without_labels_there_is_no_state() -> None:
    said = pd.DataFrame({"event_id": IDS, "event_time": AT, "prediction": 1})
    none = pd.DataFrame(columns=["event_id", "known_at", "label"])
    assert list(track_accuracy(said, none, 5, 0.7)) == []
