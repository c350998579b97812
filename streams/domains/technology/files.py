"""Technology: recognised kinds of files, by their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from streamsim.streams.events import NO_TIME
from streamsim.streams.spec.input_maps import PLACE, Dialect, FileMap

from .schema import STOP

if TYPE_CHECKING:
    import pandas as pd

USER, ITEM, RATING, TIME = "user_id:token", "item_id:token", "rating:float", "timestamp:float"
ALL_TITLES = 1_682
"""Titles of MovieLens 100K, all of them on offer from the beginning."""


def _movielens(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Convert ratings of MovieLens to titles that were watched to the end.

    They are in order of time, and of the file within a second. The length of a view is unknown.
    """
    import pandas as pd

    seconds = _whole(frame[TIME])
    user = _whole(frame[USER])
    views = pd.DataFrame(
        {
            "event_id": "ml-" + frame[PLACE].astype("string"),
            "event_time": (seconds * 1000).fillna(NO_TIME).astype("int64"),
            "user_id": ("u" + user.astype("string")).astype(object).where(user.notna(), None),
            "action": STOP,
            "title_no": _whole(frame[ITEM]),
            "watched_s": 0,
            "share": 1.0,
            "rating": pd.to_numeric(frame[RATING], errors="coerce"),
            "catalogue_size": ALL_TITLES,
            "length_min": 0,
        },
        index=frame.index,
    )
    return {"views": views}


def _whole(column: pd.Series) -> pd.Series:
    """Return whole numbers, missing where there is none."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    good = numbers.eq(numbers.round()) & numbers.abs().le(1e12)
    return numbers.where(good).astype("Int64")


FILES = (
    FileMap(
        name="movielens",
        columns=(USER, ITEM, RATING, TIME),
        convert=_movielens,
        dialect=Dialect(delimiter="\t"),
        order=TIME,
    ),
)
