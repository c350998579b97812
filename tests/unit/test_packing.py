"""Packed columns: round trips, and refusal of bytes that differ from their header."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.streams.errors import PackingError
from streamsim.streams.stored.packing import pack, unpack

COLUMNS = st.dictionaries(
    st.text(max_size=5),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5).map(lambda x: np.array(x, np.int64))
    | st.lists(st.text(max_size=5).filter(lambda t: t.isprintable()), max_size=5),
    max_size=5,
)


@given(COLUMNS)
def test_what_is_packed_is_unpacked(columns: dict[str, object]) -> None:
    found = unpack(pack(columns))  # type: ignore[arg-type]
    assert list(found) == list(columns)
    for name, column in columns.items():
        assert list(found[name]) == list(column)  # type: ignore[call-overload]


@given(st.binary(max_size=60))
def test_what_is_not_packed_is_refused(junk: bytes) -> None:
    with pytest.raises(PackingError):
        unpack(junk)


@given(st.data())
def test_what_is_cut_off_or_goes_on_is_refused(data: st.DataObject) -> None:
    packed = pack({"time": np.arange(3), "key": ["a", "b"]})
    with pytest.raises(PackingError):
        unpack(packed[: data.draw(st.integers(0, len(packed) - 1))])
    with pytest.raises(PackingError):
        unpack(packed + data.draw(st.binary(min_size=1, max_size=9)))
