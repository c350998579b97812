"""Results: from the model's answers to scores, alerts and what is noted of them."""

from __future__ import annotations

import numpy as np

from streamsim.consumers.core.stores import Stores
from streamsim.consumers.monitor.alerting import alert_records, occluded, reasons
from streamsim.consumers.predict.prepared import Prepared, Scored
from streamsim.consumers.predict.scores import estimated, rounded, score_batches
from streamsim.consumers.state.account import SCORED
from streamsim.streams.answers import Answers, items_of, scores_of
from streamsim.streams.events import NO_TIME, Floats, Ints, Matrix, Outbound, OutboundBatch, Outputs
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec


class Results:
    """Turns the answers about events into records, and notes in the state what became of them.

    Parameters
    ----------
    in_order
        Events come in order of event time.
    """

    def __init__(self, spec: DomainSpec, stores: Stores, *, in_order: bool) -> None:
        self._spec, self._stores, self._in_order = spec, stores, in_order

    def to_explain(self, prepared: Prepared, answer: Answers) -> tuple[Ints, Matrix]:
        """Find the rows that raise an alert, and build what must be scored to explain them."""
        signature = prepared.signature
        assert signature is not None
        if prepared.rescored:
            nobody = np.empty(0, np.int64)
            return nobody, occluded(self._spec, prepared.features[nobody], signature)
        risk = self._spec.alerting.rule.risks(rounded(scores_of(answer)), prepared.features)
        rows = np.flatnonzero(risk >= signature.threshold)
        if self._in_order:  # an entity that is in its cool-down now is so when this is finished
            rows = rows[~self._stores.cooldown.is_quiet(prepared.events.take(rows))]
        return rows, occluded(self._spec, prepared.features[rows], signature)

    def corrections(self, scored: Scored, signature: Signature) -> Outputs:
        """Return the scores of events that are scored again."""
        return Outputs(batches=self._scores(scored, signature)[0])

    def outputs(self, scored: Scored, signature: Signature) -> Outputs:
        """Return the scores and alerts of events that are scored for the first time."""
        events, stores = scored.prepared.events, self._stores
        batches, scores, items, numbers = self._scores(scored, signature)
        outputs = Outputs(
            batches=batches,
            latencies_from=[events.ingest_time[events.ingest_time != NO_TIME]],
        )
        if len(scored.alerts):
            outputs.records += self._alerts(scored, signature, scores, numbers)
        stores.account.add(self._spec.trigger.name, SCORED, events.partition)
        stores.labels.scored(events, scores, items)
        return outputs

    def _scores(
        self, scored: Scored, signature: Signature
    ) -> tuple[list[OutboundBatch], Floats, Ints | None, dict[str, Floats]]:
        """Return the records of scores, and what they say: scores, items and estimates."""
        assert scored.answer is not None
        scores, numbers = rounded(scores_of(scored.answer)), estimated(self._spec, scored.answer)
        items = items_of(scored.answer, len(numbers))
        batches = score_batches(self._spec, scored.prepared, scores, signature, items, numbers)
        return batches, scores, items, numbers

    def _alerts(
        self, scored: Scored, signature: Signature, scores: Floats, numbers: dict[str, Floats]
    ) -> list[Outbound]:
        prepared, rows = scored.prepared, scored.alerts
        rest = scores_of(scored.without)
        why = reasons(self._spec, prepared.features[rows], scores[rows], rest, signature)
        new = self._stores.cooldown.raised(prepared.events.take(rows))
        chosen, why = rows[new], [why[row] for row in new.tolist()]
        said = {name: own[chosen] for name, own in numbers.items()}
        events = prepared.events.take(chosen)
        return alert_records(self._spec, events, scores[chosen], why, signature, said)
