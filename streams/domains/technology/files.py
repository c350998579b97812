"""Technology: recognised kinds of files, by their columns; those of MovieLens are column maps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from streamsim.streams.events import NO_TIME, as_objects
from streamsim.streams.reading.identifiers import text_of
from streamsim.streams.spec.input_maps import PART, PLACE, Dialect, FileMap

from .schema import HIGHEST, STOP

if TYPE_CHECKING:
    import pandas as pd

_TITLE = re.compile(r"-?(?:0|[1-9][0-9]{0,11})")
USER, ITEM, RATING, TIME = "user_id:token", "item_id:token", "rating:float", "timestamp:float"


def _interactions(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Convert interactions to titles that were watched to the end.

    They are in order of time, and of the file within a second. The length of a view is unknown, and
    so are the titles on offer: it is all of them, from the beginning.
    """
    import pandas as pd

    milliseconds = _numbers(frame[TIME]).mul(1000).round()
    known = milliseconds.abs().le(1e15)
    views = pd.DataFrame(
        {
            "event_id": f"ml-{frame.attrs.get(PART, '')}" + frame[PLACE].astype("string"),
            "event_time": milliseconds.where(known, 0).astype("int64").where(known, NO_TIME),
            "user_id": as_objects(map(_user, frame[USER])),
            "action": STOP,
            "title_no": _titles(frame[ITEM]),
            "watched_s": 0,
            "share": 1.0,
            "catalogue_size": HIGHEST,
            "length_min": 0,
        },
        index=frame.index,
    )
    if RATING in frame:
        views["rating"] = _numbers(frame[RATING])
    return {"views": views}


def _user(value: object) -> str | None:
    text = text_of(value)
    return None if text is None else f"u{text}"


def _titles(column: pd.Series) -> pd.Series:
    """Return titles' numbers, missing where a token is none: ``016`` is another token than ``16``.

    >>> import pandas as pd
    >>> _titles(pd.Series(["16", "016", "1.0", 7.0, "x"], dtype=object)).tolist()
    [16, <NA>, <NA>, 7, <NA>]
    """
    import pandas as pd

    texts = [text_of(value) or "" for value in column]
    numbers = [int(text) if _TITLE.fullmatch(text) else None for text in texts]
    return pd.Series(numbers, index=column.index, dtype="Int64")


def _numbers(column: pd.Series) -> pd.Series:
    import pandas as pd

    return pd.to_numeric(column, errors="coerce").astype("float64")


def _left_out(name: str, columns: tuple[str, ...], lines: str = "", files: str = "") -> FileMap:
    """Return a kind of file that lies beside ratings, and has no views."""
    names = columns if lines else ()
    return FileMap(
        name=name,
        columns=columns,
        convert=_interactions,
        dialect=Dialect(encoding="latin-1", delimiter="::", names=names, lines=lines)
        if lines
        else Dialect(),
        files=files,
        refused="it says nothing of views: of MovieLens, ratings are read",
    )


FILES = (
    FileMap(
        name="recbole",
        columns=(USER, ITEM, TIME),
        convert=_interactions,
        optional=(RATING,),
        dialect=Dialect(delimiter="\t"),
        order=TIME,
        written={
            "user_id": USER, "title_no": ITEM, "rating": RATING, "event_time": TIME,
        },
    ),
    FileMap(
        name="RecBole's interactions without timestamp:float",
        columns=(USER, ITEM),
        convert=_interactions,
        refused="a view needs a time",
    ),
    _left_out("MovieLens' titles", ("movieId", "title", "genres")),
    _left_out("MovieLens' tags", ("userId", "movieId", "tag", "timestamp")),
    _left_out("MovieLens' links", ("movieId", "imdbId", "tmdbId")),
    _left_out("MovieLens' genome", ("movieId", "tagId", "relevance")),
    _left_out("MovieLens' genome", ("tagId", "tag")),
    _left_out(
        "MovieLens' titles", ("movieId", "title", "genres"), r"\d+::.*\(\d{4}\)::.+", "movies.dat"
    ),
    _left_out(
        "MovieLens' users", ("userId", "gender", "age", "occupation", "zip"),
        r"\d+::[FM]::\d+::\d+::.+", "users.dat",
    ),
    _left_out(
        "MovieLens' tags", ("userId", "movieId", "tag", "timestamp"),
        r"\d+::\d+::.*::\d+", "tags.dat",
    ),
)  # fmt: skip
