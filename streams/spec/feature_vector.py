"""The vector of features that a model takes, and the aggregates that it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy.typing as npt

from streamsim.streams.events import Events, Floats, Ints, Objects

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

UNKNOWN = -1.0
"""Stands for a feature that is not known; never NaN, which is always an error at the model."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What an :class:`~streamsim.streams.spec.features.AsOfJoin` found for ``n`` events.

    ``columns[field]`` has shape ``(n,)``: objects, ``None`` where nothing is known. ``time`` is
    that of the version (ms), ``NO_TIME`` where there is none; of a per-field join, it is that of
    the newest value.
    """

    time: Ints
    columns: Mapping[str, Objects]


@dataclass(frozen=True, slots=True)
class Past:
    """What :class:`~streamsim.streams.spec.features.Windows` saw for ``n`` events.

    One column per window length.

    ``count``, ``total`` and ``squares`` have shape ``(n, n_lengths)``: how many events, the sum
    of their values and of the squares of these. ``last`` and ``first`` are the times of the latest
    and of the earliest event before (ms, shape ``(n,)``), ``NO_TIME`` if there is none in the
    longest window.
    """

    count: Ints
    total: Ints
    squares: Ints
    last: Ints
    first: Ints


@dataclass(frozen=True, slots=True)
class Aggregates:
    """All that an event's features are made from, besides the event itself.

    ``windows[name]`` is a :class:`Past`; ``tables[name][column]`` has shape ``(n, n_lengths)``;
    ``joins[name]`` is a :class:`Joined`; ``tracked[name]`` is what a
    :class:`~streamsim.streams.spec.features.Tracker` said.
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
        Per feature, what it means, with its unit.
    groups
        Features that say the same in different ways, by what they say in words, the most telling
        first. An alert is explained by groups, and shows one feature of each.
    phrases
        Per feature, how it reads in an alert: a format of ``value`` and ``usual``. By default
        its help with both numbers.
    unknown
        Per feature, how it reads where it is -1, which stands for what is not known.
    lineage
        What a score says of the context that its event met: which version, and who was believed.
    """

    names: tuple[str, ...]
    assemble: Callable[[Events, Aggregates], Floats]
    help: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    lineage: Callable[[Aggregates], list[dict[str, Any]]] | None = None

    def phrase(self, name: str, value: float, usual: float) -> str:
        """Say in words what a feature's value is, and what is usual."""
        if value == UNKNOWN and name in self.unknown:
            return self.unknown[name]
        default = f"{self.help[name]} {{value:,.6g}}, usually {{usual:,.6g}}"
        return self.phrases.get(name, default).format(value=value, usual=usual)
