"""Of a stream of scores the newest rows are kept, of each event one, in bounded memory."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsim.simulator.run.adapting.kept_scores import SPARE, KeptScores, ScoreRow


def row(id_: int, time: int, value: float = 0.0, version: str = "1") -> ScoreRow:
    return ScoreRow(id_, time, f"e{id_}", version, np.array([value], "<f4").tobytes())


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 8), st.integers(1, 7))
def test_they_are_the_newest_of_all_in_order(ids: list[int], most: int, piece: int) -> None:
    rows = [row(own, own * 7 % 41, number) for number, own in enumerate(ids)]
    kept = KeptScores(1, most)
    for begin in range(0, len(rows), piece):
        kept.take(rows[begin : begin + piece])
        assert len(kept) <= SPARE * most + piece
    first = {own.id: own for own in reversed(rows)}
    newest = sorted(first.values(), key=lambda own: (own.time, own.id))[-most:]
    found = kept.rows()
    assert found.ids.tolist() == [own.id for own in newest]
    assert found.features.tobytes() == b"".join(own.packed for own in newest)


def test_a_correction_takes_the_place_of_a_row_that_is_there() -> None:
    kept = KeptScores(1, 3)
    kept.take([row(1, 10, 1.0), row(2, 20, 2.0), row(2, 20, 3.0)])
    kept.correct([row(2, 20, 4.0, "2"), row(2, 20, 5.0, "3"), row(9, 90)])
    kept.correct([row(1, 10)._replace(packed=b"")])
    found = kept.rows()
    assert found.features.ravel().tolist() == [1.0, 5.0]
    assert found.versions.tolist() == ["1", "3"]


def test_rows_of_another_width_are_not_taken() -> None:
    kept = KeptScores(2, 3)
    kept.take([row(1, 10)])
    assert len(kept.rows()) == 0
    assert kept.rows().features.shape == (0, 2)
