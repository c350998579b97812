"""Rows to learn from, kept as a pipeline in this process computes them.

They are joined with their labels by the rule of the retraining process, which reads the same from a
broker's topics.
"""

from __future__ import annotations

import numpy as np

from streamsim.consumers.clean.cleaner import Cleaned, clean
from streamsim.consumers.clean.deduplication import Deduplication
from streamsim.consumers.collect.records import Clocks, collect
from streamsim.consumers.monitor.label_join import fingerprint
from streamsim.consumers.monitor.segment_names import segment_name
from streamsim.consumers.predict.prepared import Prepared
from streamsim.models.labelled import Labelled
from streamsim.simulator.run.adapting.final_labels import FinalLabels
from streamsim.simulator.run.adapting.logged_rows import Found, Wanted, labels_in, numbers_in
from streamsim.streams.events import Ints, Matrix, Objects, Records, as_objects
from streamsim.streams.spec import DomainSpec


class KeptRows:
    """All scored events of a run, and all that was said about them."""

    def __init__(self, spec: DomainSpec) -> None:
        self._spec = spec
        self._scored: list[tuple[Ints, Ints, Objects, Objects, Matrix]] = []
        self._again: list[tuple[Ints, Matrix]] = []
        self._labels: list[Found] = []
        self._numbers: list[list[Found]] = [[] for _ in spec.model.estimates]
        named = {source.name: source for source in spec.label_sources}
        named |= {own.source: spec.source(own.source) for own in spec.model.estimates}
        self._sources = {
            name: (source, Deduplication(spec.partitions, source.remember),
                   Clocks.of(spec.partitions))
            for name, source in named.items()
        }  # fmt: skip

    def take(self, prepared: Prepared) -> None:
        """Keep events that are scored."""
        if prepared.answering is None:
            return
        events, field = prepared.events, self._spec.alerting.accuracy.segment
        values = [""] * len(events) if field is None else events.columns[field].tolist()
        segments = as_objects(map(segment_name, values))
        self._scored.append(
            (fingerprint(events.event_id), events.event_time, as_objects(events.entity), segments,
             np.array(prepared.features, np.float32))
        )  # fmt: skip

    def take_again(self, prepared: Prepared) -> None:
        """Keep the features of events that are scored again: they take the place of the former."""
        self._again.append(
            (fingerprint(prepared.events.event_id), np.array(prepared.features, np.float32))
        )

    def take_records(self, records: Records) -> None:
        """Keep the labels in records, if there are any."""
        if records.source not in self._sources:
            return
        source, ids, clocks = self._sources[records.source]
        cleaned: Cleaned = clean(collect(records.by_partition()), source, ids, clocks)
        ids.forget(clocks.now)
        if source in self._spec.label_sources:
            self._labels.append(labels_in(self._spec, source, cleaned))
        for place, estimate in enumerate(self._spec.model.estimates):
            if estimate.source == source.name:
                self._numbers[place].append(numbers_in(self._spec, estimate, cleaned))

    def wanted(self, wanted: Wanted) -> tuple[Labelled, Objects]:
        """Return the labelled rows of a period in order of time and id, and their segments."""
        ids, times, entities, segments, features = self._joined()
        order = np.lexsort((ids, times))
        order = order[(times[order] >= wanted.since) & (times[order] < wanted.until)]
        for begin, end in wanted.without:
            order = order[(times[order] < begin) | (times[order] >= end)]
        if self._spec.labels.unlabelled is None:
            named = [piece[0][piece[1] < wanted.known_until] for piece in self._labels]
            order = order[np.isin(ids[order], np.concatenate(named or [ids[:0]]))]
        order = order[-wanted.most :]
        ids, times, features = ids[order], times[order], features[order]
        self._correct(ids, features)
        own = self._spec.labels
        found = FinalLabels(ids, times, own.delay, wanted.known_until)
        for piece in self._labels:
            found.take(*piece)
        labels, final = found.values(-1 if own.unlabelled is None else own.unlabelled)
        numbers = np.full((len(ids), len(self._numbers)), np.nan)
        for place, estimate in enumerate(self._spec.model.estimates):
            found = FinalLabels(ids, times, estimate.delay, wanted.known_until)
            for piece in self._numbers[place]:
                found.take(*piece)
            values, is_final = found.values(np.nan)
            numbers[is_final, place] = values[is_final]
        rows = final & (labels >= 0)
        whole = Labelled(features, labels.astype(np.int64), times, entities[order], numbers)
        return whole.take(rows), segments[order][rows]

    def _joined(self) -> tuple[Ints, Ints, Objects, Objects, Matrix]:
        """Join what was kept to one piece, and keep that."""
        if len(self._scored) > 1:
            ids, times, entities, segments, features = zip(*self._scored, strict=True)
            self._scored = [
                (np.concatenate(ids), np.concatenate(times), np.concatenate(entities),
                 np.concatenate(segments), np.concatenate(features))
            ]  # fmt: skip
        return self._scored[0]

    def _correct(self, ids: Ints, features: Matrix) -> None:
        order = np.argsort(ids, kind="stable")
        for again, own in self._again:
            at = np.searchsorted(ids[order], again).clip(0, len(ids) - 1)
            there = ids[order[at]] == again
            features[order[at[there]]] = own[there]
