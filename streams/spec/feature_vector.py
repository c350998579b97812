"""Feature vector: the features that a model takes, and the aggregates that they are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy.typing as npt

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Events, Floats, Ints, Objects

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

UNKNOWN = -1.0
"""Value of an unknown feature. It is not NaN, which is always an error at the model."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Result of an :class:`~streamsim.streams.spec.features.AsOfJoin` for ``n`` events.

    ``columns[field]`` has shape ``(n,)``: objects, ``None`` where nothing is known. ``time`` is
    the time of the joined version (ms), ``NO_TIME`` without one; in a per-field join, it is the
    time of the newest value.
    """

    time: Ints
    columns: Mapping[str, Objects]


@dataclass(frozen=True, slots=True)
class Past:
    """Aggregates of :class:`~streamsim.streams.spec.features.Windows` for ``n`` events.

    One column per window length.

    ``count``, ``total`` and ``squares`` have shape ``(n, n_lengths)``: the number of events, the
    sum of their values and the sum of the squares. ``last`` and ``first`` are the times of the
    latest and of the earliest earlier event (ms, shape ``(n,)``), ``NO_TIME`` if there is none in
    the longest window.
    """

    count: Ints
    total: Ints
    squares: Ints
    last: Ints
    first: Ints


@dataclass(frozen=True, slots=True)
class Aggregates:
    """The inputs of a feature vector besides the event itself.

    ``windows[name]`` is a :class:`Past`; ``tables[name][column]`` has shape ``(n, n_lengths)``;
    ``joins[name]`` is a :class:`Joined`; ``tracked[name]`` is the output of a
    :class:`~streamsim.streams.spec.features.Tracker`.
    """

    windows: Mapping[str, Past]
    tables: Mapping[str, Mapping[str, Ints]]
    joins: Mapping[str, Joined] = field(default_factory=dict)
    tracked: Mapping[str, Arrays] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """The features of a domain's model, defined once for the stream and for training.

    Parameters
    ----------
    names
        One per column, in order.
    assemble
        ``(events, aggregates) -> float64 array of shape (n_events, n_features)``; NaN where a
        feature is not known. Pure.
    help
        Per feature, its meaning and unit.
    groups
        Related features by their common meaning in words, the most informative first. An alert is
        explained by groups, and shows one feature of each; never one that is in no group.
    phrases
        Per feature, its text in an alert: a format of ``value``, ``usual`` and the facts below. By
        default its help with both numbers.
    facts
        Fields of an event that phrases name, such as its currency, and what stands for each where
        an event has none.
    unknown
        Per feature, its text in an alert where it is unknown (-1).
    lineage
        The context of a score: the joined versions, and the source that was believed.

    Raises
    ------
    UsageError
        If a feature has no help, a part names no feature, or a phrase is no format.
    """

    names: tuple[str, ...]
    assemble: Callable[[Events, Aggregates], Floats]
    help: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    lineage: Callable[[Aggregates], list[dict[str, Any]]] | None = None

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            raise UsageError("features: a name occurs twice")
        grouped = [name for members in self.groups.values() for name in members]
        said = {"help": self.help, "groups": grouped, "phrases": self.phrases,
                "unknown": self.unknown}  # fmt: skip
        for part, names in said.items():
            if stray := [name for name in names if name not in self.names]:
                raise UsageError(f"features: {part} has {stray[0]!r}, which is no feature")
        if missing := [name for name in self.names if name not in self.help]:
            raise UsageError(f"features: help lacks {missing[0]!r}")
        for name, phrase in self.phrases.items():
            try:
                phrase.format(value=1.0, usual=1.0, **self.facts)
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                raise UsageError(
                    f"features: the phrase of {name!r} is no format of value and usual: {error}"
                ) from None

    def phrase(
        self, name: str, value: float, usual: float, facts: Mapping[str, Any] | None = None
    ) -> str:
        """Return the text of a feature's value and its usual value; ``facts`` are an event's."""
        if value == UNKNOWN and name in self.unknown:
            return self.unknown[name]
        default = f"{self.help[name]} {{value:,.6g}}, usually {{usual:,.6g}}"
        said = {own: (facts or {}).get(own) or missing for own, missing in self.facts.items()}
        return self.phrases.get(name, default).format(value=value, usual=usual, **said)
