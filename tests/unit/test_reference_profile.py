"""The profile of a training set: bins, unknown values, and what training has not seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest

from streamsim.streams.errors import ModelError
from streamsim.streams.signature import Signature
from streamsim.streams.statistics.reference_profile import (
    ABOVE,
    BELOW,
    FIRST,
    MISSING,
    SHARED,
    Reference,
    tally,
)

DRAW = np.random.default_rng(7)


def fitted(n: int = 5_000) -> tuple[Reference, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    features = np.column_stack(
        [
            DRAW.lognormal(0, 1, n),
            DRAW.integers(0, 4, n),
            np.where(DRAW.random(n) < 0.7, 0, DRAW.normal(size=n)),
            np.where(DRAW.random(n) < 0.2, -1, DRAW.random(n)),
            np.full(n, -1.0),
        ]
    ).astype(np.float32)
    scores = DRAW.random(n).round(6)
    names = ["amount", "kind", "mostly nought", "often unknown", "never known"]
    return Reference.fit(names, features, scores), features, scores


def test_training_rows_fall_into_the_bins_that_were_counted() -> None:
    reference, features, scores = fitted()
    counts = tally(reference.cells(features, scores))
    assert reference.with_counts(counts) == reference
    assert (reference.counts().sum(axis=1) == reference.rows).all()
    assert counts[0, BELOW] == counts[0, ABOVE] == SHARED - 1
    assert [len(c.counts) for c in reference.columns][:2] == [20, 4]
    shares = np.array(reference.columns[0].counts) / reference.rows
    assert shares.min() > 0.045
    assert shares.max() < 0.055
    assert reference.columns[3].missing == int((features[:, 3] == -1).sum())
    assert reference.columns[4].borders == ()


def test_it_is_the_same_after_it_was_written_and_read() -> None:
    reference, features, scores = fitted()
    again = Reference.from_dict(orjson.loads(orjson.dumps(reference.as_dict())))
    assert again == reference
    assert again.fingerprint() == reference.fingerprint()
    assert (again.cells(features, scores) == reference.cells(features, scores)).all()


def test_a_signature_has_it_or_none_and_refuses_a_damaged_one() -> None:
    reference, _, _ = fitted()
    usual = (0.0,) * len(reference.names)
    signature = Signature("m", "1", reference.names, "hash", 0.5, usual, profile=reference)
    document = orjson.loads(orjson.dumps(signature.as_dict()))
    assert Signature.from_dict(document) == signature
    none = replace(signature, profile=None)
    assert Signature.from_dict(none.as_dict()) == none
    older = {name: own for name, own in document.items() if name != "profile"}
    assert Signature.from_dict(older) == none
    for damaged in (7, {}, {"rows": 1, "columns": []}, {"rows": 1, "columns": [None]}):
        with pytest.raises(ModelError, match="not a reference profile"):
            Signature.from_dict(document | {"profile": damaged})
    with pytest.raises(ModelError, match="does not fit its features"):
        Signature.from_dict(document | {"features": list(reversed(reference.names))})


def test_what_training_has_not_seen_has_cells_of_its_own() -> None:
    reference, _, _ = fitted()
    low, high = reference.columns[0].range
    rows = np.array(
        [
            [low, 0, 0, -1, 5],
            [high, 3, 0, np.nan, -1],
            [np.nextafter(np.float32(high), np.float32(np.inf)), 9, 0, 0.5, -1],
            [low / 2, 1.5, 99, 0.5, -1],
        ],
        np.float32,
    )
    cells = reference.cells(rows, np.array([0.5, -1, 2, np.nan]))
    assert cells[:, 0].tolist() == [FIRST, FIRST + 19, ABOVE, BELOW]
    assert cells[:, 1].tolist() == [FIRST, FIRST + 3, BELOW, BELOW]
    assert cells[:, 3].tolist()[:2] == [MISSING, MISSING]
    assert cells[:, 4].tolist() == [BELOW, MISSING, MISSING, MISSING]
    assert cells[1:, 5].tolist() == [BELOW, ABOVE, MISSING]  # a score of -1 is a score


def test_a_newer_window_has_the_same_bins() -> None:
    reference, features, scores = fitted()
    moved = reference.with_counts(tally(reference.cells(features * 3, scores)))
    assert moved.fingerprint() == reference.fingerprint()
    assert moved.rows == reference.rows
    assert sum(moved.columns[0].counts) == reference.rows
    assert moved.columns[0].counts[-1] > 3 * reference.columns[0].counts[-1]


def test_no_border_is_of_fewer_rows_than_may_be_told_apart() -> None:
    reference, features, scores = fitted()
    matrix = [*features.T, scores.astype(np.float32)]
    for column, values in zip(reference.columns, matrix, strict=True):
        for border in column.borders:
            own = np.float32(border)
            if column.by_value:
                assert (values == own).sum() >= SHARED
            else:
                assert (values <= own).sum() >= SHARED <= (values >= own).sum()
    few = np.array([[1, 5], [1, 6], [1, 7]] * 7 + [[2, 1]], np.float32)
    for column in Reference.fit(["kind", "few"], few, few[:, 1]).columns:
        assert column.borders == ((1.0,) if column.name == "kind" else ())
        assert column.beyond == 22 - 21 * (column.name == "kind")
    mostly = np.zeros((5_000, 1), np.float32)
    mostly[:25, 0] = [*range(1, 16), *range(-20, -10)]
    column = Reference.fit(["mostly"], mostly, mostly[:, 0]).columns[0]
    assert (column.borders, column.counts, column.beyond) == ((0.0,), (4_975,), 25)


def test_a_profile_that_was_stored_with_its_extremes_is_read() -> None:
    reference, features, scores = fitted()
    document = reference.as_dict()
    for own in document["columns"]:
        del own["beyond"]
    document["columns"][0]["borders"][0] = float(features[:, 0].min())
    old = Reference.from_dict(document)
    assert [column.beyond for column in old.columns] == [0] * 6
    assert not (old.cells(features, scores)[:, 0] == BELOW).any()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("columns"),
        lambda d: d["columns"].pop(),
        lambda d: d["columns"][0]["counts"].pop(),
        lambda d: d["columns"][0]["borders"].reverse(),
        lambda d: d["columns"][0].update(missing="x"),
        lambda d: d["columns"].clear(),
    ],
)
def test_what_is_no_profile_is_refused(spoil: object) -> None:
    document = fitted(200)[0].as_dict()
    spoil(document)  # type: ignore[operator]
    with pytest.raises(ModelError, match="not a reference profile"):
        Reference.from_dict(document)
