"""What a domain is: its sources, features, model, alerts and world, as data and pure functions.

The engine reads these and never asks for a domain's name. Whatever is odd about a domain is
a function in its folder under :mod:`streamsim.streams.domains`, named here by a field.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints
from streamsim.streams.spec.features import FeatureSpec, Lookup, Recall, SecondKey, Tracker, Windows
from streamsim.streams.spec.feed_watch import FeedWatch
from streamsim.streams.spec.inputs import Role, SourceSpec
from streamsim.streams.spec.recipes import Estimate, Recipe, Slate
from streamsim.streams.spec.renewals import Renewal
from streamsim.streams.spec.rules import Accuracy, AlertRule
from streamsim.streams.spec.third_parties import ThirdPartySpec
from streamsim.streams.spec.world import FileMap, Slice, TableMap, Timeline, World


@dataclass(frozen=True, slots=True)
class DomainSpec:
    """A domain, whole. One folder under ``streams/domains`` defines one as ``SPEC``."""

    name: str
    title: str
    question: str
    partitions: int
    sources: tuple[SourceSpec, ...]
    windows: tuple[Windows, ...]
    tables: tuple[SecondKey, ...]
    features: FeatureSpec
    recipe: Recipe
    alert: AlertRule
    accuracy: Accuracy
    world: Callable[[int, Mapping[str, float]], World]
    """``(seed, options) -> World``."""
    options: Mapping[str, float]
    """The world's options with their defaults."""
    files: tuple[FileMap, ...]
    timeline: Timeline
    label_key: str
    """Field of a label event that holds the ``event_id`` of the event it is about."""
    lookups: tuple[Lookup, ...] = ()
    trackers: tuple[Tracker, ...] = ()
    databases: tuple[TableMap, ...] = ()
    """Tables that are polled for changes, which are events of context sources."""
    asks: tuple[ThirdPartySpec, ...] = ()
    """Third parties that are asked about the trigger's entities."""
    recall: Recall | None = None
    """What is scored again once a third party has answered."""
    feeds: FeedWatch | None = None
    """How the feeds that come together in the trigger are watched."""
    collect: Callable[[Iterable[Slice]], Iterator[Slice]] = iter
    """What is made of all slices before they are sent, be they of a world or of files: labels that
    are found in the events themselves."""
    label_field: str | None = None
    """Integer field of a label event that says what was true; ``None``: each of them says 1."""
    unlabelled: int | None = 0
    """What an event was whose label has not come within the timeline's delay; ``None``: nobody
    can say."""
    slate: Slate | None = None
    """What the model puts forward for each event, if it does."""
    renewal: Renewal | None = None
    """How the model is renewed from the stream, if it is."""
    estimates: tuple[Estimate, ...] = ()
    """Numbers that the model says beside its score."""
    pseudonyms: Mapping[str, str] = field(default_factory=dict)
    """Fields of any source that identify a person, each with the kind of thing that it names. Their
    values, and keys that hold them, are replaced by keyed hashes before anything is sent
    (:mod:`streamsim.streams.privacy.edge`); fields of one kind still join."""

    def __post_init__(self) -> None:
        """Refuse what would stand still.

        An event waits for its tables until everybody's clock is ``delay`` behind it. Its own
        partition's watermark may be ``allowed_lateness`` behind that partition's clock, and the
        event ``max_ahead`` before it: with less delay it could wait for events that are behind it.
        """
        trigger = self.trigger
        least = trigger.allowed_lateness + trigger.max_ahead
        for table in self.tables:
            if table.delay < least:
                raise UsageError(
                    f"{self.name}: table {table.name} has a delay of {table.delay} ms; it must be "
                    f"at least {least}, by how much {trigger.name} may be late and ahead"
                )
        if self.renewal is not None:
            self.renewal.check(self.name, trigger)
            if self.recall is not None:
                raise UsageError(f"{self.name}: what is scored again needs a model that stays")
        for lookup in self.lookups:
            self._check(lookup)
        if self.slate is not None and self.recipe.selection is not None:
            raise UsageError(f"{self.name}: what goes with a slate cannot be picked by its labels")
        for estimate in self.estimates:
            self._check_estimate(estimate)
        if self.recall is not None and self.trackers:
            raise UsageError(f"{self.name}: what is tracked cannot be gone back to for a recall")
        if len({lookup.name for lookup in self.lookups}) < len(self.lookups):
            raise UsageError(f"{self.name}: two lookups have the same name")
        if len({party.name for party in self.asks}) < len(self.asks):
            raise UsageError(f"{self.name}: two third parties have the same name")
        known = {lookup.name for lookup in self.lookups}
        for tracker in self.trackers:
            if missing := set(tracker.joined) - known:
                raise UsageError(
                    f"{self.name}: {tracker.name} is to know of {', '.join(sorted(missing))}, "
                    "which is not looked up"
                )

    def _check(self, lookup: Lookup) -> None:
        source = self.source(lookup.source)
        known = {*source.derived, *(field.name for field in source.fields)}
        if source.role is not Role.CONTEXT or source.key != self.trigger.key:
            raise UsageError(
                f"{self.name}: {source.name} cannot be looked up: it must be a context source "
                f"with the key {self.trigger.key}"
            )
        if unknown := set(lookup.fields) - known:
            raise UsageError(f"{self.name}: {source.name} has no field {', '.join(unknown)}")

    def _check_estimate(self, estimate: Estimate) -> None:
        source = self.source(estimate.source)
        if source.role is not Role.LABEL or source.key != self.trigger.key:
            raise UsageError(
                f"{self.name}: {estimate.name} cannot be told by {source.name}: it must be a label "
                f"source with the key {self.trigger.key}"
            )
        if missing := {estimate.field, self.label_key} - {field.name for field in source.fields}:
            raise UsageError(f"{self.name}: {source.name} has no field {', '.join(missing)}")
        if not self.label_sources:
            raise UsageError(f"{self.name}: no label source says what was true of its scores")

    @property
    def label_sources(self) -> tuple[SourceSpec, ...]:
        """The sources that say what was true of scores: all labels but those of estimates."""
        others = {estimate.source for estimate in self.estimates}
        return tuple(s for s in self.sources if s.role is Role.LABEL and s.name not in others)

    @property
    def longest_delay(self) -> int:
        """So long after an event all is known of it at the latest (ms)."""
        return max([self.timeline.label_delay, *(e.delay for e in self.estimates)])

    def truth(self, labels: Ints, items: Ints | None) -> Ints:
        """Return what was true of scores: what their labels say, or the verdict on their items."""
        if self.slate is None or items is None:
            return labels
        return np.where(labels < 0, -1, self.slate.verdict(items, labels))

    @property
    def trigger(self) -> SourceSpec:
        """The source whose events are scored."""
        return next(s for s in self.sources if s.role is Role.TRIGGER)

    def source(self, name: str) -> SourceSpec:
        """Return the source of that name.

        Raises
        ------
        UsageError
            If there is none.
        """
        for source in self.sources:
            if source.name == name:
                return source
        known = ", ".join(s.name for s in self.sources)
        raise UsageError(f"{self.name} has no source {name!r}; it has {known}")

    @property
    def feature_hash(self) -> str:
        """Fingerprint of what the features are made of; a model fits exactly one.

        It covers names, windows and tables, so that a model trained on other windows is
        refused even if its columns have the same names.
        """
        parts: dict[str, Any] = {
            "names": self.features.names,
            "windows": [(w.name, w.key, w.value, w.lengths, w.keep) for w in self.windows],
            "tables": [
                (t.name, t.key, t.bucket, t.delay, t.lengths, sorted(t.counts.items()))
                for t in self.tables
            ],
        }
        if self.lookups:
            parts["lookups"] = [
                (look.source, look.fields, look.delay, *look.apart) for look in self.lookups
            ]
        if self.trackers:
            parts["trackers"] = [
                (tracker.name, tracker.layout, tracker.joined) for tracker in self.trackers
            ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
