"""Merge of two sources, one of lines and one of objects, into one table.

The tables of their feeds harmonise both first (:mod:`streamsim.streams.reading.feeds`): one set of
names, instants in UTC, money in integer cents, one form of an id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.feeds import Feed
from streamsim.streams.reading.formats import Instants
from streamsim.streams.reading.identifiers import identifier, trimmed
from streamsim.streams.reading.inferring import Column, Inferred, is_there

if TYPE_CHECKING:
    import pandas as pd

How = Literal["inner", "left", "right", "outer"]
Format: TypeAlias = Feed | Inferred


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
    columns
        Per field, where its format is inferred: its column (``from``), its ``type``, and ``why``.
    doubtful_times
        Per field, the number of local times that the zone's clock shows twice, or never.
    """

    feed: str
    rows: int
    matched: int
    without_key: int
    repeated_keys: int
    unreadable: Mapping[str, int]
    examples: tuple[str, ...]
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    doubtful_times: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MergeReport:
    """Counts of a merge.

    Attributes
    ----------
    conflicts
        Per common field, the number of merged rows with two values, of which the left's is kept.
    zeros_kept
        Fields of ``on`` whose leading zeros are part of the value: one side has both 07 and 7.
    """

    left: SideReport
    right: SideReport
    conflicts: Mapping[str, int]
    zeros_kept: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)


def merge_frames(
    left: pd.DataFrame,
    right: pd.DataFrame,
    on: str | Sequence[str],
    how: How,
    feeds: tuple[Format, Format],
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
    rows = left.reset_index(drop=True), right.reset_index(drop=True)
    for frame, feed in zip(rows, feeds, strict=True):
        _check_keys(frame, feed, keys)
    zeros = [key for key in keys if any(map(_zeros_count, rows, feeds, repeat(key)))]
    own, other = (_side(*side, keys, zeros) for side in zip(rows, feeds, strict=True))
    shared = [name for name in own.feed.fields if name in other.feed.fields and name not in keys]
    merged = own.usable.merge(
        other.usable.rename(columns={name: name + _RIGHT for name in shared}),
        on=keys, how="outer", indicator=_MERGE, sort=False,
    )  # fmt: skip
    conflicts = _coalesce(merged, shared)
    lone = [merged.loc[merged[_MERGE] == side, keys] for side in _SIDES]
    report = MergeReport(own.report(lone[0]), other.report(lone[1]), conflicts, tuple(zeros))
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

    feed: Format
    rows: pd.DataFrame
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
            examples=tuple(
                " ".join(map(str, row)) for row in lone.head(_EXAMPLES).to_numpy().tolist()
            ),
            columns={name: own.as_dict() for name, own in _inferred(self.feed).items()},
            doubtful_times=self._doubtful(),
        )

    def _doubtful(self) -> dict[str, int]:
        found = {}
        for name, way in _instants(self.feed).items():
            if count := way.doubtful(self.rows[self.feed.fields[name]]):
                found[name] = count
        return found


_EXAMPLES = 10


def _inferred(feed: Format) -> Mapping[str, Column]:
    return feed.columns if isinstance(feed, Inferred) else {}


def _instants(feed: Format) -> Mapping[str, Instants]:
    if isinstance(feed, Feed):
        return feed.instants
    return {name: own.instants for name, own in feed.columns.items() if own.instants is not None}


def _check_keys(rows: pd.DataFrame, feed: Format, keys: Sequence[str]) -> None:
    if not keys:
        raise UsageError("on= must name at least one field to match by")
    has = feed.fields
    if missing := [key for key in keys if key not in has or has[key] not in rows]:
        near = [own for key in missing for own in get_close_matches(key, has, 1)]
        hint = f" (is it {', '.join(near)}?)" if near else ""
        raise UsageError(
            f"{feed.name} has no field {', '.join(missing)}{hint}; it has {', '.join(has)}"
        )


def _is_typed(feed: Format, key: str) -> bool:
    """Say whether a field to match by is a time or an amount, rather than an identifier."""
    if isinstance(feed, Feed):
        return key in feed.instants or key in feed.money
    return feed.columns[key].type in ("time", "money")


def _zeros_count(rows: pd.DataFrame, feed: Format, key: str) -> bool:
    """Say whether a side has two keys that differ in leading zeros alone."""
    if _is_typed(feed, key):
        return False
    texts = {trimmed(value) for value in rows[feed.fields[key]].unique()}
    zeroed = {text for text in texts if text and _LEADING.match(text)}
    return any(identifier(text) in texts for text in zeroed) or len(
        {identifier(text) for text in zeroed}
    ) < len(zeroed)


_LEADING = re.compile(r"0+\d")


def _side(rows: pd.DataFrame, feed: Format, keys: Sequence[str], zeros: Sequence[str]) -> _Side:
    import pandas as pd

    frame = feed.harmonise(rows)
    if isinstance(feed, Feed):
        for name in feed.instants:
            stamps = frame[name].astype("Int64").mask(frame[name].eq(NO_TIME))
            frame[name] = pd.to_datetime(stamps, unit="ms", utc=True)
    for name in keys:
        if not _is_typed(feed, name):
            one_form = trimmed if name in zeros else identifier
            frame[name] = rows[feed.fields[name]].map(one_form).astype(object)
    for name in [name for name in feed.fields if frame[name].dtype.kind == "O"]:
        if name in keys or all(isinstance(v, str) for v in frame[name].dropna()):
            frame[name] = frame[name].astype("str")
    known = frame[list(keys)].notna().all(axis=1)
    unread = _unreadable(rows, frame, feed)
    return _Side(feed, rows, frame, frame[known], frame[~known], keys, unread)


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


def _unreadable(rows: pd.DataFrame, frame: pd.DataFrame, feed: Format) -> dict[str, int]:
    """Count the values that could not be read and became missing."""
    found = {}
    for name, theirs in feed.fields.items():
        if theirs not in rows:
            continue
        there = rows[theirs].map(is_there).astype(bool)
        if count := int((there & frame[name].isna()).sum()):
            found[name] = count
    return found
