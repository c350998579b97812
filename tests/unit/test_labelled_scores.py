"""Records of labelled scores: read as they were published, and refused if they are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamsim.consumers.monitor.labelled_scores import NO_SHADOW, read_labelled
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.stored.packing import pack, unpack
from tests.lives import record

ROWS = [(10, 500_000, 1, 7, NO_SHADOW, -3), (19, 250_000, -1, 8, 125_000, 4)]
VALUE = record(1, 10, 20, ROWS, ["north", "south"])


def changed(**columns: Any) -> bytes:
    whole: dict[str, Any] = {**unpack(VALUE), **columns}
    return pack({name: column for name, column in whole.items() if column is not None})


def test_a_bucket_is_read_as_it_was_published() -> None:
    own = read_labelled(VALUE)
    assert (own.partition, own.since, own.until, own.unlabelled) == (1, 10, 20, 0)
    assert own.names == ("north", "south")
    assert list(zip(*(column.tolist() for column in own.columns), strict=True)) == ROWS


def test_a_bucket_without_scores_has_its_span() -> None:
    own = read_labelled(record(0, 20, 30, []))
    assert (own.until, len(own.time)) == (30, 0)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{}",
        VALUE[:-3],
        changed(span=np.array([1, 2])),
        changed(span=None),
        changed(time=["a", "b"]),
        changed(label=np.array([1])),
        changed(version=None),
    ],
)
def test_another_record_is_foreign(value: bytes | None) -> None:
    with pytest.raises(ForeignRecordError, match="no labelled scores"):
        read_labelled(value)
