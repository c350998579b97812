"""Model renewal from the stream: how often, from which columns, and when a version takes over.

Event time is divided at every multiple of :attr:`Renewal.every`, a cut. The model learns the events
before a cut once all of them have arrived. The new version answers events from
:attr:`Renewal.lead` after the cut on. So the version that answers an event depends on the event's
own time, and on no clock of a machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Events, Ints
from streamsim.streams.spec.inputs import SourceSpec
from streamsim.streams.spec.recipes import Estimator
from streamsim.streams.spec.spans import MINUTE


class Learning(Protocol):
    """Learner of a stream's events; it gets each event once, in order."""

    def learn(self, events: Events) -> None:
        """Learn the events between two cuts, in order of time and id, with the named columns."""
        ...

    def renewed(self) -> Estimator:
        """Return the champion with what has been learnt; later events do not change it."""
        ...

    def snapshot(self) -> Mapping[str, Ints | list[str]]:
        """Return what has been learnt, as columns of integers or texts."""
        ...

    def restore(self, columns: Mapping[str, Ints | list[str]]) -> None:
        """Restore a snapshot, before the first event."""
        ...


@runtime_checkable
class Renewable(Protocol):
    """An estimator whose renewed versions differ from it in some arrays only.

    These alone are stored for each version. Other estimators are stored whole.
    """

    def renewed_arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return the arrays in which a renewed version differs from its champion."""
        ...

    def with_renewed(self, arrays: Mapping[str, npt.NDArray[Any]]) -> Estimator:
        """Return the renewed version of this champion that has these arrays.

        Raises
        ------
        KeyError, ValueError
            If they are not arrays of :meth:`renewed_arrays`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Renewal:
    """How a domain's model is renewed from its trigger's events.

    Parameters
    ----------
    every
        Time between two cuts (ms of event time), whole minutes.
    lead
        How long after a cut its version takes over (ms). If the version is not ready by then,
        events wait for it.
    columns
        Columns of the trigger's events to learn from, besides their times, ids and entities.
    begin
        ``champion -> Learning`` that has learnt no event yet.
    """

    every: int
    lead: int
    columns: tuple[str, ...]
    begin: Callable[[Estimator], Learning]

    def __post_init__(self) -> None:
        if self.every <= 0 or self.every % MINUTE:
            raise UsageError("models are renewed every so many whole minutes")

    def check(self, trigger: SourceSpec) -> None:
        """Refuse a trigger that it cannot learn from, or that could make an event wait for ever.

        A cut is complete once every partition's clock is ``allowed_lateness`` past it, and an
        event may be ``max_ahead`` before its clock. With a shorter lead an event could wait for
        events that are behind it in its own partition.

        Raises
        ------
        UsageError
            If its lead is too short, or a column is not the trigger's.
        """
        least = trigger.allowed_lateness + trigger.max_ahead
        if self.lead < least:
            raise UsageError(
                f"a renewed model leads by {self.lead} ms; it must be at least {least}, "
                f"by how much {trigger.name} may be late and ahead"
            )
        known = {*trigger.derived, *(field.name for field in trigger.fields)}
        if unknown := set(self.columns) - known:
            raise UsageError(f"{trigger.name} has no field {', '.join(sorted(unknown))}")


def renewed_version(champion: str, cut: int) -> str:
    """Return the name of the version that has learnt everything before a cut (ms).

    >>> renewed_version("3", 1_736_726_400_000)
    '3-20250113T0000'
    """
    at = str(np.datetime64(cut, "ms").astype("datetime64[m]"))
    return f"{champion}-{at.replace('-', '').replace(':', '')}"


def champion_of(version: str) -> str:
    """Return the version that a renewed one was made from; any other version is its own champion.

    >>> champion_of("3-20250113T0000"), champion_of("3")
    ('3', '3')
    """
    return version.partition("-")[0]


def version_order(version: str) -> tuple[int, str]:
    """Return the sort key of versions, by when they were made.

    >>> sorted(["10", "3-20250120T0000", "3-20250113T0000", "3"], key=version_order)
    ['3', '3-20250113T0000', '3-20250120T0000', '10']
    """
    champion, _, cut = version.partition("-")
    return int(champion), cut


def cut_of(version: str) -> int:
    """Return the cut before which a renewed version has learnt everything (ms).

    >>> renewed_version("3", cut_of("3-20250113T0000"))
    '3-20250113T0000'
    """
    cut = version.partition("-")[2]
    day, minutes = cut[:8], cut[9:]
    text = f"{day[:4]}-{day[4:6]}-{day[6:]}T{minutes[:2]}:{minutes[2:]}"
    return int(np.datetime64(text, "ms").astype(np.int64))


def outdated(versions: Sequence[str], renewal: Renewal, oldest: int) -> list[str]:
    """Return the renewed versions that answer no event of this time or later (ms).

    >>> renewal = Renewal(every=60_000, lead=0, columns=(), begin=lambda champion: champion)
    >>> made = [renewed_version("3", minute * 60_000) for minute in range(4)]
    >>> outdated(made, renewal, 2 * 60_000) == made[:2]
    True
    """
    since = {v: cut_of(v) + renewal.lead for v in versions if champion_of(v) != v}
    answering = max((at for at in since.values() if at <= oldest), default=None)
    return [v for v, at in since.items() if answering is not None and at < answering]
