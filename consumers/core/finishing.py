"""From scores to outputs: which events raise an alert, and what is put out and noted of all."""

from __future__ import annotations

import numpy as np

from streamsim.consumers.core.state import State
from streamsim.consumers.monitor.alerting import alert_records, occluded, reasons
from streamsim.consumers.predict.prepared import Prepared
from streamsim.consumers.predict.scores import estimated, rounded, score_batches
from streamsim.consumers.state import account as acc
from streamsim.streams.answers import Answers, items_of, scores_of
from streamsim.streams.events import NO_TIME, Ints, Matrix, Outputs
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec


class Finishing:
    """Turns the scores of events into records, and notes in the state what became of them.

    Parameters
    ----------
    in_order
        Events come in order of event time.
    """

    def __init__(self, spec: DomainSpec, state: State, *, in_order: bool) -> None:
        self._spec, self._state, self._in_order = spec, state, in_order

    def to_explain(self, prepared: Prepared, answer: Answers) -> tuple[Ints, Matrix]:
        """Find the rows that raise an alert, and build what must be scored to explain them."""
        signature = prepared.signature
        assert signature is not None
        if prepared.recalled:
            nobody = np.empty(0, np.int64)
            return nobody, occluded(self._spec, prepared.features[nobody], signature)
        risk = self._spec.alert.risks(rounded(scores_of(answer)), prepared.features)
        rows = np.flatnonzero(risk >= signature.threshold)
        if self._in_order:  # whoever is quiet now stays so
            rows = rows[~self._state.is_quiet(prepared.events.take(rows))]
        return rows, occluded(self._spec, prepared.features[rows], signature)

    def again(self, prepared: Prepared, answer: Answers, signature: Signature) -> Outputs:
        """Return the corrections of events that are scored again."""
        scores, numbers = rounded(scores_of(answer)), estimated(self._spec, answer)
        items = items_of(answer, len(numbers))
        return Outputs(
            batches=score_batches(self._spec, prepared, scores, signature, items, numbers)
        )

    def outputs(
        self,
        prepared: Prepared,
        answer: Answers,
        signature: Signature,
        alerts: Ints,
        without: Answers,
    ) -> Outputs:
        """Return the scores and alerts of events that are scored for the first time.

        Parameters
        ----------
        alerts, without
            The rows from :meth:`to_explain` and the answers to what it built.
        """
        events, state = prepared.events, self._state
        scores, numbers = rounded(scores_of(answer)), estimated(self._spec, answer)
        items, rest = items_of(answer, len(numbers)), scores_of(without)
        outputs = Outputs(
            batches=score_batches(self._spec, prepared, scores, signature, items, numbers),
            latencies_from=[events.ingest_time[events.ingest_time != NO_TIME]],
        )
        if len(alerts):
            why = reasons(self._spec, prepared.features[alerts], scores[alerts], rest, signature)
            new = state.quiet(events.take(alerts))
            chosen, why = alerts[new], [why[row] for row in new.tolist()]
            said = {name: own[chosen] for name, own in numbers.items()}
            outputs.records += alert_records(
                self._spec, events.take(chosen), scores[chosen], why, signature, said
            )
        state.account.add(self._spec.trigger.name, acc.SCORED, events.partition)
        rows = state.not_behind(events)
        judged = events.take(rows)
        waits = state.judged.scored(judged, scores[rows], None if items is None else items[rows])
        state.note_judged("score", judged.partition, waits)
        return outputs
