"""Results: turn the model's answers into records of scores and alerts, and update the state."""

from __future__ import annotations

import numpy as np

from streamsim.consumers.core.stores import Stores
from streamsim.consumers.monitor.alerting import alert_records, occlusion_rows, reasons
from streamsim.consumers.monitor.cloud_event import facts_of
from streamsim.consumers.monitor.event_alerts import event_alerts
from streamsim.consumers.predict.plans import Answering
from streamsim.consumers.predict.prepared import Prepared, Scored
from streamsim.consumers.predict.scores import estimated, rounded, score_batches
from streamsim.consumers.state.account import SCORED
from streamsim.streams.answers import Answers, items_of, scores_of
from streamsim.streams.events import NO_TIME, Floats, Ints, Matrix, Outbound, OutboundBatch, Outputs
from streamsim.streams.spec import DomainSpec


class Results:
    """Turns a model's answers into records, and updates account, cool-down and label join.

    Parameters
    ----------
    in_order
        Whether events come in order of event time.
    """

    def __init__(self, spec: DomainSpec, stores: Stores, *, in_order: bool) -> None:
        self._spec, self._stores, self._in_order = spec, stores, in_order

    def rows_to_explain(
        self, prepared: Prepared, answer: Answers, answering: Answering
    ) -> tuple[Ints, Matrix]:
        """Find the rows that raise an alert, and build the rows to score for explanations.

        Parameters
        ----------
        answering
            The versions that have answered.
        """
        if prepared.rescored:
            none = np.empty(0, np.int64)
            return none, occlusion_rows(self._spec, prepared.features[none], answering.take(none))
        risk = self._spec.alerting.rule.risks(rounded(scores_of(answer)), prepared.features)
        rows = np.flatnonzero(risk >= answering.thresholds(len(risk)))
        cooldown = self._stores.cooldown
        if self._stores.in_flight.is_next(prepared):  # the cool-downs are those that it will meet
            rows = rows[cooldown.due(prepared.events.take(rows))]
        elif self._in_order:  # an entity in its cool-down now is still in it at the end
            rows = rows[~cooldown.is_quiet(prepared.events.take(rows))]
        return rows, occlusion_rows(self._spec, prepared.features[rows], answering.take(rows))

    def corrections(self, scored: Scored, answering: Answering) -> Outputs:
        """Return the records of rescored events."""
        return Outputs(batches=self._scores(scored, answering)[0])

    def outputs(self, scored: Scored, answering: Answering) -> Outputs:
        """Return the records of scores and alerts of events that are scored for the first time."""
        events, stores = scored.prepared.events, self._stores
        batches, scores, items, numbers = self._scores(scored, answering)
        beside = None
        if scored.shadow is not None and answering.shadow is not None:
            beside = rounded(scores_of(scored.shadow))
            batches += score_batches(
                self._spec, scored.prepared, beside, Answering((answering.shadow,)), shadow=True
            )
        outputs = Outputs(
            batches=batches,
            latencies_from=[events.ingest_time[events.ingest_time != NO_TIME]],
        )
        if len(scored.alerts):
            outputs.records += self._alerts(scored, answering, scores, numbers)
        outputs.records += self.event_alerts(scored.prepared)
        stores.account.add(self._spec.trigger.name, SCORED, events.partition)
        stores.labels.scored(events, scores, answering, beside, items)
        if stores.profiles is not None:
            stores.profiles.add(events, scored.prepared.features, scores)
        return outputs

    def event_alerts(self, prepared: Prepared) -> list[Outbound]:
        """Return the alerts of the event rules, which need no score, and start their cool-downs."""
        cooldowns = self._stores.event_cooldowns
        return event_alerts(self._spec, prepared.events, prepared.features, cooldowns)

    def _scores(
        self, scored: Scored, answering: Answering
    ) -> tuple[list[OutboundBatch], Floats, Ints | None, dict[str, Floats]]:
        """Return the records of scores, and the scores, items and estimates in them."""
        assert scored.answer is not None
        scores, numbers = rounded(scores_of(scored.answer)), estimated(self._spec, scored.answer)
        items = items_of(scored.answer, len(numbers))
        batches = score_batches(self._spec, scored.prepared, scores, answering, items, numbers)
        return batches, scores, items, numbers

    def _alerts(
        self, scored: Scored, answering: Answering, scores: Floats, numbers: dict[str, Floats]
    ) -> list[Outbound]:
        spec, prepared, rows = self._spec, scored.prepared, scored.alerts
        new = self._stores.cooldown.raised(prepared.events.take(rows))
        without = scores_of(scored.without).reshape(len(rows), -1)[new]
        named = tuple(spec.features.vector.facts)
        records = []
        for signature, part in answering.take(rows[new]).parts(len(new)):
            chosen, rest = rows[new][part], without[part].ravel()
            said = {name: own[chosen] for name, own in numbers.items()}
            events = prepared.events.take(chosen)
            facts = [facts_of(events, row, named) for row in range(len(events))]
            why = reasons(spec, prepared.features[chosen], scores[chosen], rest, signature, facts)
            records += alert_records(spec, events, scores[chosen], why, signature, said)
        return records
