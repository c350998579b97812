"""Merge a source of lines with one of objects into one table, by the tables of their feeds.

Both are harmonised first (:mod:`streamsim.streams.reading.feeds`): one set of names, instants in
UTC, money in integer cents, one form of an id.
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
    """What became of the rows of one side.

    Attributes
    ----------
    rows
        How many there were.
    matched
        Those that found a partner.
    without_key
        Those with nothing to match by.
    repeated_keys
        Those whose key an earlier one has.
    unreadable
        Per field, values that were there and could not be read: they are missing.
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
    """What a merge did.

    Attributes
    ----------
    conflicts
        Per field of both sides, in how many merged rows they differ: there the left's value stands.
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
    """Merge rows as their feeds wrote them.

    Parameters
    ----------
    on
        The fields to match by, by our names.
    how
        Whose rows without a partner are kept: nobody's, the left's, the right's or both.

    Returns
    -------
    The fields of both by our names, times as such in UTC, money in cents. Of a field that both
    have, and that is no key, the left's value stands, or the right's where it has none.
    ``attrs["report"]`` is the :class:`MergeReport` as a mapping.

    Raises
    ------
    UsageError
        If a side lacks a field that is to be matched by, or ``how`` is no such word.
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
        raise UsageError("on= names the fields to match by: none is named")
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
    """Let the left's value stand, else the right's; count where they differ."""
    conflicts = {}
    for name in shared:
        ours, theirs = merged[name], merged.pop(name + _RIGHT)
        differ = int((ours.notna() & theirs.notna() & (ours != theirs).fillna(False)).sum())
        if differ:
            conflicts[name] = differ
        merged[name] = ours.where(ours.notna(), theirs)
    return conflicts


def _unreadable(rows: pd.DataFrame, frame: pd.DataFrame, feed: Feed) -> dict[str, int]:
    """Count values that were there and are missing now."""
    found = {}
    for name, theirs in feed.fields.items():
        if theirs not in rows:
            continue
        there = rows[theirs].notna() & rows[theirs].astype(str).str.strip().ne("")
        if count := int((there & frame[name].isna()).sum()):
            found[name] = count
    return found
