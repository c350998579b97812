"""Rows to learn from, out of a broker's topics: features as they were logged, and their labels.

Features are read from the headers of the scores, and never computed here. So what a model learns
from is what its predecessor was given, whatever the code of the features has become since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from streamsim.consumers.clean.cleaner import Cleaned, clean
from streamsim.consumers.clean.deduplication import Deduplication
from streamsim.consumers.collect.records import Clocks, collect
from streamsim.consumers.monitor.label_join import fingerprint
from streamsim.consumers.monitor.segment_names import segment_name
from streamsim.models.labelled import Labelled
from streamsim.simulator.reading import Record, offsets_from, read_each
from streamsim.simulator.report.own_outputs import read_score
from streamsim.simulator.run.adapting.final_labels import FinalLabels
from streamsim.simulator.run.adapting.kept_scores import KeptScores, ScoredRows, ScoreRow
from streamsim.streams.codec import parse_times
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import (
    FEATURE_HASH,
    FEATURES,
    MODEL_VERSION,
    NO_TIME,
    Events,
    Ints,
    Objects,
    Records,
    as_objects,
    first_headers,
)
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec, Estimate, SourceSpec
from streamsim.streams.topics import CORRECTIONS, SCORES, TopicSpec, topic, topics_of

Found = tuple[Ints, Ints, np.ndarray]
"""Fingerprints of the ids of labelled events, when each label was known (ms), and the labels."""
PIECE = 2_000
"""Records that are worked on at a time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are wanted.

    Attributes
    ----------
    since, until
        Period of the events (ms): ``since <= time < until``.
    known_until
        Labels that were known before this time are used (ms).
    most
        Most scored events, the newest. Where an event without a label has an unknown one, only
        those with a label count.
    without
        Periods whose events are left out (ms).
    """

    since: int
    until: int
    known_until: int
    most: int
    without: tuple[tuple[int, int], ...] = ()

    def keeps(self, time: int) -> bool:
        """Say whether an event of this time is wanted."""
        inside = self.since <= time < self.until
        return inside and not any(begin <= time < end for begin, end in self.without)


@dataclass(frozen=True, slots=True)
class LoggedRows:
    """Labelled rows, in order of time and id.

    Attributes
    ----------
    versions, segments
        Of each row, the model version that scored it, and its segment; empty where it has none,
        or the record of its event is no longer there.
    counts
        ``scored`` events that were wanted, those ``unlabelled`` of them, and records that were
        ``skipped`` as of other features or of another program.
    """

    data: Labelled
    versions: Objects
    segments: Objects
    counts: dict[str, int] = field(default_factory=dict)


def read_logged(spec: DomainSpec, champion: Signature, address: str, wanted: Wanted) -> LoggedRows:
    """Read rows from a broker, up to the current ends of the topics.

    Parameters
    ----------
    champion
        Rows whose features have another definition than its own are skipped.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    reader = _Reader(spec, champion, address, wanted)
    scored = reader.scores()
    labels, final = reader.labels(scored)
    known = final & (labels >= 0)
    numbers = reader.numbers(scored)
    rows = scored.take(known)
    data = Labelled(rows.features, labels[known], rows.times, rows.entities, numbers[known])
    counts = {
        "scored": len(scored),
        "unlabelled": len(scored) - len(rows),
        "skipped": reader.skipped,
    }
    return LoggedRows(data, rows.versions, reader.segments(rows), counts)


class _Reader:
    """Reads the topics of one domain, one after the other."""

    def __init__(self, spec: DomainSpec, champion: Signature, address: str, wanted: Wanted) -> None:
        self._spec, self._champion = spec, champion
        self._address, self._wanted = address, wanted
        self._topics = {own.name: own for own in topics_of(spec)}
        self.skipped = 0
        self._labelled = self._ids() if spec.labels.unlabelled is None else None

    def _ids(self) -> frozenset[int]:
        """Read which events have a label. Often few do, and others are no use to learn from."""
        found: set[int] = set()
        for source in self._spec.label_sources:
            for cleaned in self._cleaned(source, self._wanted.since):
                ids, known, _ = labels_in(self._spec, source, cleaned)
                found.update(ids[known < self._wanted.known_until].tolist())
        return frozenset(found)

    def scores(self) -> ScoredRows:
        """Read the scores, and their corrections."""
        kept = KeptScores(len(self._champion.features), self._wanted.most)
        for records in self._read(SCORES, self._wanted.since):
            kept.take(list(self._rows(records, kept.floor)))
        if self._spec.model.rescoring is not None:
            for records in self._read(CORRECTIONS, max(self._wanted.since, kept.floor)):
                kept.correct(list(self._rows(records, kept.floor)))
        return kept.rows()

    def labels(self, scored: ScoredRows) -> tuple[Ints, np.ndarray]:
        """Read the labels of scores; -1 where there is none."""
        own = self._spec.labels
        found = FinalLabels(scored.ids, scored.times, own.delay, self._wanted.known_until)
        for source in self._spec.label_sources if len(scored) else ():
            for cleaned in self._cleaned(source, int(scored.times[0])):
                found.take(*labels_in(self._spec, source, cleaned))
        labels, final = found.values(-1 if own.unlabelled is None else own.unlabelled)
        return labels.astype(np.int64), final

    def numbers(self, scored: ScoredRows) -> np.ndarray:
        """Read the true numbers of the estimates, shape ``(n, n_estimates)``; NaN where unknown."""
        numbers = np.full((len(scored), len(self._spec.model.estimates)), np.nan)
        for place, estimate in enumerate(self._spec.model.estimates if len(scored) else ()):
            until = self._wanted.known_until
            found = FinalLabels(scored.ids, scored.times, estimate.delay, until)
            source = self._spec.source(estimate.source)
            for cleaned in self._cleaned(source, int(scored.times[0])):
                found.take(*numbers_in(self._spec, estimate, cleaned))
            values, final = found.values(np.nan)
            # Of the latest events only small numbers may be known: to keep them would be a bias.
            numbers[final, place] = values[final]
        return numbers

    def segments(self, rows: ScoredRows) -> Objects:
        """Read the segments of scored events, out of the events themselves."""
        field, found = self._spec.alerting.accuracy.segment, as_objects([""] * len(rows))
        if field is None or not len(rows):
            return found
        order = np.argsort(rows.ids, kind="stable")
        ids = rows.ids[order]
        for cleaned in self._cleaned(self._spec.trigger, int(rows.times[0])):
            own = fingerprint(cleaned.events.event_id)
            at = np.searchsorted(ids, own).clip(0, len(ids) - 1)
            there = ids[at] == own
            names = map(segment_name, cleaned.events.columns[field][there].tolist())
            found[order[at[there]]] = as_objects(names)
        return found

    def _rows(self, records: Iterable[Record], floor: int) -> Iterator[ScoreRow]:
        """Yield the wanted rows of records of scores."""
        names, texts, kept = [], [], []
        own = self._champion.feature_hash.encode()
        for record in records:
            if not self._wanted.keeps(record.timestamp) or record.timestamp < floor:
                continue
            headers = first_headers(record.headers)
            packed = headers.get(FEATURES)
            try:
                if packed is None or headers.get(FEATURE_HASH) != own:
                    raise ForeignRecordError("other features")
                body = read_score(self._spec, record.value)
            except ForeignRecordError:
                self.skipped += 1
                continue
            version = (headers.get(MODEL_VERSION) or b"").decode(errors="replace")
            names.append(body["event_id"])
            texts.append(body["event_time"])
            kept.append((body[self._spec.trigger.key], version, packed))
        ids = fingerprint(as_objects(names)).tolist()
        for id_, time, rest in zip(ids, parse_times(texts).tolist(), kept, strict=True):
            has_use = self._labelled is None or id_ in self._labelled
            if has_use and self._wanted.keeps(time):
                yield ScoreRow(id_, time, *rest)

    def _cleaned(self, source: SourceSpec, since: int) -> Iterator[Cleaned]:
        """Yield the events of a source from a time on that its workers would take."""
        partitions = self._spec.partitions
        clocks, ids = Clocks.of(partitions), Deduplication(partitions, source.remember)
        for records in self._read(source.name, since):
            yield clean(collect(_columns(source.name, records)), source, ids, clocks)
            ids.forget(clocks.now)

    def _read(self, name: str, since: int) -> Iterator[list[Record]]:
        """Yield the records of a topic from a time on, in pieces."""
        own: TopicSpec = self._topics[topic(self._spec.name, name)]
        starts = {} if since == NO_TIME else offsets_from(self._address, [own], since)
        records = read_each(self._address, [own], starts)
        while piece := list(islice(records, PIECE)):
            yield piece


def labels_in(spec: DomainSpec, source: SourceSpec, cleaned: Cleaned) -> Found:
    """Return the labels in events of a label source."""
    own, events = spec.labels, cleaned.events
    # A label that is older than the watermark counts as known from the watermark on.
    known = np.maximum(events.event_time, cleaned.clock - source.allowed_lateness)
    values = np.ones(len(events), np.int64) if own.field is None else events.integers(own.field)
    return fingerprint(events.strings(own.key)), known, values


def numbers_in(spec: DomainSpec, estimate: Estimate, cleaned: Cleaned) -> Found:
    """Return the true numbers of an estimate in events of its source."""
    ids = fingerprint(cleaned.events.strings(spec.labels.key))
    values = _floats(cleaned.events, estimate.field)
    fine = np.isfinite(values)
    return ids[fine], cleaned.events.event_time[fine], values[fine]


def _columns(source: str, records: Sequence[Record]) -> Records:
    """Turn records into columns, grouped by partition."""
    return Records(
        source,
        np.array([r.partition for r in records], np.int64),
        np.array([r.offset for r in records], np.int64),
        [r.timestamp for r in records],
        [r.key for r in records],
        [r.value for r in records],
        [r.headers for r in records],
    ).by_partition()


def _floats(events: Events, name: str) -> np.ndarray:
    return np.asarray(events.columns[name], np.float64)
