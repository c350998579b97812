"""State stores of a domain, by the names that they have in checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streamsim.consumers.clean.deduplication import Deduplication
from streamsim.consumers.core.in_flight import InFlight
from streamsim.consumers.core.rescoring import RescoringBuffer
from streamsim.consumers.featurize.as_of_join import JoinStore
from streamsim.consumers.featurize.contributions import Contributions
from streamsim.consumers.featurize.field_join import new_join
from streamsim.consumers.featurize.tracking import TrackedState
from streamsim.consumers.featurize.windows import WindowState
from streamsim.consumers.monitor.cooldown import Cooldown
from streamsim.consumers.monitor.drift.profile_counts import ProfileCounts
from streamsim.consumers.monitor.feed_counts import FeedCounts
from streamsim.consumers.monitor.label_join import LabelJoin
from streamsim.consumers.state.account import Account
from streamsim.consumers.state.positions import Positions
from streamsim.consumers.state.state import State
from streamsim.consumers.state.store import Store
from streamsim.streams.spec import DomainSpec
from streamsim.streams.statistics.reference_profile import Reference

IN_FLIGHT = "in_flight"


@dataclass(frozen=True, slots=True, eq=False)
class Stores:
    """All state of one domain's pipeline, for the partitions that it owns."""

    positions: Positions
    account: Account
    in_flight: InFlight
    known_ids: Mapping[str, Deduplication]
    windows: Mapping[str, WindowState]
    tables: Mapping[str, Contributions]
    joins: Mapping[str, JoinStore]
    trackers: Mapping[str, TrackedState]
    cooldown: Cooldown
    event_cooldowns: Mapping[str, Cooldown]
    labels: LabelJoin
    rescoring: RescoringBuffer | None
    feeds: FeedCounts | None
    profiles: ProfileCounts | None

    def state(self, keys: Mapping[str, str]) -> State:
        """Return all stores as one state, for checkpoints.

        Parameters
        ----------
        keys
            Per source, the field that is the key of its records.
        """
        named: dict[str, Store] = {
            "positions": self.positions,
            "account": self.account,
            IN_FLIGHT: self.in_flight,
            "cooldown": self.cooldown,
            "labels": self.labels,
        }
        groups: dict[str, Mapping[str, Store]] = {
            "ids": self.known_ids,
            "window": self.windows,
            "table": self.tables,
            "join": self.joins,
            "tracker": self.trackers,
            "event_cooldown": self.event_cooldowns,
        }
        for group, stores in groups.items():
            named |= {f"{group}:{name}": store for name, store in stores.items()}
        if self.rescoring is not None:
            named["rescoring"] = self.rescoring
        if self.feeds is not None:
            named["feeds"] = self.feeds
        if self.profiles is not None:
            named["profiles"] = self.profiles
        return State(named, dict(keys))


def make_stores(
    spec: DomainSpec,
    *,
    hold: bool = False,
    journal: bool = False,
    reference: Reference | None = None,
) -> Stores:
    """Make the empty stores of a domain.

    Parameters
    ----------
    hold
        Hold events until their partition's watermark has passed them.
    journal
        Record changes for incremental checkpoints.
    reference
        The profile by whose bins scored events are counted; without it they are not.
    """
    n, trigger, rescored = spec.partitions, spec.trigger, spec.model.rescoring
    lateness = {s.name: s.allowed_lateness for s in spec.inputs.sources}
    positions = Positions(lateness, n, journal=journal)
    slack = max(trigger.allowed_lateness, 0 if rescored is None else rescored.within)
    windows = {w.name: WindowState(w, slack, n, journal=journal) for w in spec.features.windows}
    rescoring = None
    if rescored is not None:
        answers = next(j.source for j in spec.features.joins if j.name == rescored.join)
        past = list(windows.values())
        rescoring = RescoringBuffer(rescored, trigger, answers, past, n, journal=journal)
    return Stores(
        positions,
        Account(spec, journal=journal),
        InFlight(trigger.name, positions, hold=hold, journal=journal),
        {
            s.name: Deduplication(n, max(s.remember, s.allowed_lateness), journal=journal)
            for s in spec.inputs.sources
        },
        windows,
        {t.name: Contributions(spec.name, t, n, journal=journal) for t in spec.features.tables},
        {join.name: new_join(join, n, journal=journal) for join in spec.features.joins},
        {t.name: TrackedState(t, n, journal=journal) for t in spec.features.trackers},
        Cooldown(spec.alerting.rule.cooldown, n, journal=journal),
        {r.name: Cooldown(r.cooldown, n, journal=journal) for r in spec.alerting.event_rules},
        LabelJoin(spec, journal=journal),
        rescoring,
        FeedCounts(spec.name, spec.alerting.feeds, n, journal=journal)
        if spec.alerting.feeds
        else None,
        ProfileCounts(spec.name, reference, n, step=spec.alerting.accuracy.step, journal=journal)
        if reference
        else None,
    )


def keys_of(spec: DomainSpec) -> dict[str, str]:
    """Return, per source, the field that is the key of its records."""
    return {source.name: source.key for source in spec.inputs.sources}


def state_fingerprint(spec: DomainSpec) -> str:
    """Return a hash of all that a domain's checkpoints depend on; others cannot be read.

    A model's profile is no part of it: the store of its counts skips those of other bins.
    """
    return make_stores(spec).state(keys_of(spec)).fingerprint()
