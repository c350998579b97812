"""Domain specification: inputs, features, model, labels, alerting and world, one group each.

The engine reads these groups and never a domain's name. What is special about a domain is a
function in its folder under :mod:`streamsim.streams.domains`, which a field of the spec holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamsim.streams.errors import UsageError
from streamsim.streams.spec.features import AsOfJoin, Features
from streamsim.streams.spec.inputs import Inputs, Role, SourceSpec
from streamsim.streams.spec.labelling import Labels
from streamsim.streams.spec.modelling import Model
from streamsim.streams.spec.recipes import Estimate
from streamsim.streams.spec.rules import Alerting
from streamsim.streams.spec.world import WorldSpec


@dataclass(frozen=True, slots=True)
class DomainSpec:
    """A domain. Each folder under ``streams/domains`` defines one as ``SPEC``.

    Each group checks itself; this class checks the groups against each other.

    Parameters
    ----------
    question
        The question that its model answers, in words.
    partitions
        Number of partitions of each of its topics.

    Raises
    ------
    UsageError
        If two groups do not fit together.
    """

    name: str
    question: str
    partitions: int
    inputs: Inputs
    features: Features
    model: Model
    labels: Labels
    alerting: Alerting
    world: WorldSpec

    def __post_init__(self) -> None:
        try:
            self._check_tables()
            for join in self.features.joins:
                self._check_join(join)
            for estimate in self.model.estimates:
                self._check_estimate(estimate)
            if self.model.renewal is not None:
                self.model.renewal.check(self.trigger)
            if self.model.adaptation is not None:
                self.model.adaptation.check(self.labels)
            self._check_rescoring()
            _refuse_missing(self.trigger, set(self.features.vector.facts))
            if self.alerting.accuracy.segment is not None:
                _refuse_missing(self.trigger, {self.alerting.accuracy.segment})
            for rule in self.alerting.entity_rules:
                _refuse_missing(self.trigger, set(rule.facts))
        except UsageError as error:
            raise UsageError(f"{self.name}: {error}") from None

    def _check_tables(self) -> None:
        """Refuse global tables whose delay could make an event wait for ever.

        An event at ``t`` waits until the watermarks of all partitions have passed ``t - delay``.
        Its own partition's watermark may be ``allowed_lateness`` behind that partition's clock,
        and the event may be ``max_ahead`` before the clock. With a shorter delay it could wait for
        events that are behind it in its own partition.
        """
        trigger = self.trigger
        least = trigger.allowed_lateness + trigger.max_ahead
        for table in self.features.tables:
            if table.delay < least:
                raise UsageError(
                    f"table {table.name} has a delay of {table.delay} ms; it must be "
                    f"at least {least}, by how much {trigger.name} may be late and ahead"
                )

    def _check_join(self, join: AsOfJoin) -> None:
        source = self.source(join.source)
        if source.role is not Role.CONTEXT or source.key != self.trigger.key:
            raise UsageError(
                f"{source.name} cannot be joined: it must be a context source "
                f"with the key {self.trigger.key}"
            )
        _refuse_missing(source, set(join.fields))

    def _check_estimate(self, estimate: Estimate) -> None:
        source = self.source(estimate.source)
        if source.role is not Role.LABEL or source.key != self.trigger.key:
            raise UsageError(
                f"{estimate.name} cannot have its truth from {source.name}: it must be a label "
                f"source with the key {self.trigger.key}"
            )
        _refuse_missing(source, {estimate.field, self.labels.key})
        if not self.label_sources:
            raise UsageError("no label source labels the scores: all labels are of estimates")

    def _check_rescoring(self) -> None:
        rescoring = self.model.rescoring
        if rescoring is None:
            return
        if self.features.trackers:
            raise UsageError("trackers exclude rescoring: a tracker cannot go back in time")
        joins = {join.name: join for join in self.features.joins}
        if rescoring.join not in joins:
            raise UsageError(f"there is no as-of join {rescoring.join} to score again by")
        _refuse_missing(self.source(joins[rescoring.join].source), {rescoring.field})

    @property
    def trigger(self) -> SourceSpec:
        """The source whose events are scored."""
        return self.inputs.trigger

    def source(self, name: str) -> SourceSpec:
        """Return the source of that name.

        Raises
        ------
        UsageError
            If there is none.
        """
        return self.inputs.source(name)

    @property
    def label_sources(self) -> tuple[SourceSpec, ...]:
        """The label sources of scores: all but those of estimates."""
        others = {estimate.source for estimate in self.model.estimates}
        return tuple(
            source
            for source in self.inputs.sources
            if source.role is Role.LABEL and source.name not in others
        )

    @property
    def recommends(self) -> bool:
        """Whether its model has slates on request: it has slates and no personal data."""
        is_private = self.inputs.pseudonyms or any(s.sensitive for s in self.inputs.sources)
        return self.model.slate is not None and not is_private

    @property
    def longest_delay(self) -> int:
        """How long after an event its label and estimates are known at the latest (ms)."""
        return max([self.labels.delay, *(e.delay for e in self.model.estimates)])


def _refuse_missing(source: SourceSpec, names: set[str]) -> None:
    if missing := names - source.columns:
        raise UsageError(f"{source.name} has no field {', '.join(sorted(missing))}")
