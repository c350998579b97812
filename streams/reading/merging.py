"""Merge of two sources, one of lines and one of objects, into one table.

The tables of their feeds harmonise both first (:mod:`streamsim.streams.reading.feeds`): one set of
names, instants in UTC, money in integer cents, one form of an id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.feeds import Feed, identifier

if TYPE_CHECKING:
    import pandas as pd

How = Literal["inner", "left", "right", "outer"]


@dataclass(frozen=True, slots=True)
class SideReport:
    """Counts of the rows of one side.

    Attributes
    ----------
    rows
        All rows.
    matched
        Rows with a partner.
    without_key
        Rows without a key.
    repeated_keys
        Rows whose key an earlier row has.
    unreadable
        Per field, the number of values that could not be read and are missing.
    examples
        Some keys without a partner.
    """

    feed: str
    rows: int
    matched: int
    without_key: int
    repeated_keys: int
    unreadable: Mapping[str, int]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergeReport:
    """Counts of a merge.

    Attributes
    ----------
    conflicts
        Per common field, the number of merged rows with two values, of which the left's is kept.
    """

    left: SideReport
    right: SideReport
    conflicts: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)


def merge_frames(
    left: pd.DataFrame,
    right: pd.DataFrame,
    on: str | Sequence[str],
    how: How,
    feeds: tuple[Feed, Feed],
) -> pd.DataFrame:
    """Merge the rows of two feeds.

    Parameters
    ----------
    on
        The fields to match by, by our names.
    how
        Which rows without a partner are kept: ``inner`` none, ``left`` the left's, ``right`` the
        right's, ``outer`` both.

    Returns
    -------
    The fields of both by our names, times as timestamps in UTC, money in cents. A common field that
    is no key has the left's value, or the right's where the left has none. ``attrs["report"]`` is
    the :class:`MergeReport` as a mapping.

    Raises
    ------
    UsageError
        If a side lacks a field of ``on``, or ``how`` is another word.
    """
    import pandas as pd

    if how not in _KEPT:
        raise UsageError(f"how= is one of {', '.join(_KEPT)}, not {how!r}")
    keys = [on] if isinstance(on, str) else list(on)
    own, other = (_side(rows, feed, keys) for rows, feed in zip((left, right), feeds, strict=True))
    shared = [name for name in own.feed.fields if name in other.feed.fields and name not in keys]
    merged = own.usable.merge(
        other.usable.rename(columns={name: name + _RIGHT for name in shared}),
        on=keys, how="outer", indicator=_MERGE, sort=False,
    )  # fmt: skip
    conflicts = _coalesce(merged, shared)
    lone = [merged.loc[merged[_MERGE] == side, keys] for side in _SIDES]
    report = MergeReport(own.report(lone[0]), other.report(lone[1]), conflicts)
    kept = _KEPT[how]
    parts = [merged[merged[_MERGE].isin(("both", *kept))].drop(columns=_MERGE)]
    for side, name in zip((own, other), _SIDES, strict=True):
        if name in kept and len(side.keyless):
            parts.append(side.keyless)
    result = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    result = result.reset_index(drop=True)
    result.attrs["report"] = report.as_dict()
    return result


_RIGHT, _MERGE = "\0right", "\0merge"
_SIDES = ("left_only", "right_only")
_KEPT: Mapping[str, tuple[str, ...]] = {
    "inner": (),
    "left": _SIDES[:1],
    "right": _SIDES[1:],
    "outer": _SIDES,
}


@dataclass(frozen=True, slots=True)
class _Side:
    """The harmonised rows of one side."""

    feed: Feed
    frame: pd.DataFrame
    usable: pd.DataFrame
    keyless: pd.DataFrame
    keys: Sequence[str]
    unreadable: Mapping[str, int]

    def report(self, lone: pd.DataFrame) -> SideReport:
        return SideReport(
            feed=self.feed.name,
            rows=len(self.frame),
            matched=len(self.usable) - len(lone),
            without_key=len(self.keyless),
            repeated_keys=int(self.usable[self.keys].duplicated().sum()),
            unreadable=self.unreadable,
            examples=tuple(" ".join(map(str, row)) for row in lone.head(5).to_numpy().tolist()),
        )


def _side(rows: pd.DataFrame, feed: Feed, keys: Sequence[str]) -> _Side:
    import pandas as pd

    if not keys:
        raise UsageError("on= must name at least one field to match by")
    if missing := [key for key in keys if key not in feed.fields]:
        raise UsageError(
            f"{feed.name} has no field {', '.join(missing)}; it has {', '.join(feed.fields)}"
        )
    rows = rows.reset_index(drop=True)
    frame = feed.harmonise(rows)
    for name in feed.instants:
        stamps = frame[name].astype("Int64").mask(frame[name].eq(NO_TIME))
        frame[name] = pd.to_datetime(stamps, unit="ms", utc=True)
    for name in keys:
        if name not in feed.instants and name not in feed.money:
            frame[name] = rows[feed.fields[name]].map(identifier)
    for name in [name for name in feed.fields if frame[name].dtype.kind == "O"]:
        frame[name] = frame[name].astype("str")
    known = frame[list(keys)].notna().all(axis=1)
    return _Side(feed, frame, frame[known], frame[~known], keys, _unreadable(rows, frame, feed))


def _coalesce(merged: pd.DataFrame, shared: Iterable[str]) -> dict[str, int]:
    """Keep the left's value, or the right's where it is missing; count where they differ."""
    conflicts = {}
    for name in shared:
        ours, theirs = merged[name], merged.pop(name + _RIGHT)
        differ = int((ours.notna() & theirs.notna() & (ours != theirs).fillna(False)).sum())
        if differ:
            conflicts[name] = differ
        merged[name] = ours.where(ours.notna(), theirs)
    return conflicts


def _unreadable(rows: pd.DataFrame, frame: pd.DataFrame, feed: Feed) -> dict[str, int]:
    """Count the values that could not be read and became missing."""
    found = {}
    for name, theirs in feed.fields.items():
        if theirs not in rows:
            continue
        there = rows[theirs].notna() & rows[theirs].astype(str).str.strip().ne("")
        if count := int((there & frame[name].isna()).sum()):
            found[name] = count
    return found
