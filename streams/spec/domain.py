"""What a domain is: its inputs, features, model, labels, alerts and world, in one group each.

The engine reads these and never asks for a domain's name. Whatever is odd about a domain is
a function in its folder under :mod:`streamsim.streams.domains`, named here by a field.
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
    """A domain. One folder under ``streams/domains`` defines one as ``SPEC``.

    Each group refuses what is wrong within it; here is checked what spans groups.

    Parameters
    ----------
    question
        What its model answers, in words.
    partitions
        Of each of its topics.

    Raises
    ------
    UsageError
        If groups do not fit each other.
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
            self._check_rescoring()
        except UsageError as error:
            raise UsageError(f"{self.name}: {error}") from None

    def _check_tables(self) -> None:
        """Refuse global tables that events would wait for without end.

        An event waits for its tables until the clocks of all partitions are ``delay`` behind it.
        Its own partition's watermark may be ``allowed_lateness`` behind that partition's clock,
        and the event ``max_ahead`` before it: with less delay it could wait for events that are
        behind it.
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
                f"{estimate.name} cannot be told by {source.name}: it must be a label "
                f"source with the key {self.trigger.key}"
            )
        _refuse_missing(source, {estimate.field, self.labels.key})
        if not self.label_sources:
            raise UsageError("no label source says what was true of its scores")

    def _check_rescoring(self) -> None:
        rescoring = self.model.rescoring
        if rescoring is None:
            return
        if self.features.trackers:
            raise UsageError("a tracker cannot go back in time: nothing can be scored again")
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
        """The sources that say what was true of scores: all labels but those of estimates."""
        others = {estimate.source for estimate in self.model.estimates}
        return tuple(
            source
            for source in self.inputs.sources
            if source.role is Role.LABEL and source.name not in others
        )

    @property
    def longest_delay(self) -> int:
        """By when all is known of an event at the latest: its label and estimates (ms)."""
        return max([self.labels.delay, *(e.delay for e in self.model.estimates)])


def _refuse_missing(source: SourceSpec, names: set[str]) -> None:
    if missing := names - source.columns:
        raise UsageError(f"{source.name} has no field {', '.join(sorted(missing))}")
