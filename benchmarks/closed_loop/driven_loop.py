"""One run in this process: the pipeline, and the life of its model beside it.

What decides is the product's own: schedule, watch, policy, gates and roll-out. The driver extends
the schedule as the controller does, by a fixed lead of event time over the sources' clock.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from streamsim.benchmarks.closed_loop.kept_learning import KeptLearning
from streamsim.benchmarks.closed_loop.kept_rows import KeptRows
from streamsim.consumers.monitor.labelled_scores import MICRO, LabelledScores, read_labelled
from streamsim.models.loaded import Loaded
from streamsim.simulator.in_process import InProcess
from streamsim.simulator.run.life.adaptive import LEARNT, Adaptive
from streamsim.simulator.run.life.announcing import News
from streamsim.simulator.run.life.domain_life import DomainLife
from streamsim.simulator.run.life.lease import AHEAD_S
from streamsim.simulator.run.life.model_watch import LOW_METRIC, ModelWatch
from streamsim.streams.codec import parse_times
from streamsim.streams.events import Floats, Ints, Records
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import LABELLED, PROFILES, topic

OPENED, AGAIN = "opened", "renotified"


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that was decided or noticed.

    Attributes
    ----------
    at
        Event time of what was noticed, or from which the decision holds (ms).
    what
        An event of ``ops.models``, how a learning ended, or :data:`OPENED` and :data:`AGAIN` for an
        incident of the metric.
    why
        The reason in words.
    """

    at: int
    what: str
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a run has told.

    Attributes
    ----------
    times, scores, labels
        Of each event with a final label, in order of time.
    versions
        How many versions have answered.
    happened
        What was noticed and decided, in order.
    """

    times: Ints
    scores: Floats
    labels: Floats
    versions: int = 1
    happened: tuple[Happened, ...] = ()


@dataclass(slots=True)
class _Heard:
    """What is announced and published in a run."""

    learning: KeptLearning | None = None
    happened: list[Happened] = field(default_factory=list)
    scores: list[LabelledScores] = field(default_factory=list)

    def announce(self, news: News) -> None:
        """Note what the life of a model tells."""
        if news.alert is not None:
            body: dict[str, Any] = orjson.loads(news.alert.value or b"{}")
            if body["rule"] == LOW_METRIC and body["change"] in (OPENED, AGAIN):
                at = int(parse_times([body["event_time"]])[0])
                self.happened.append(Happened(at, body["change"], body["text"]))
        elif news.body is not None and "why" in news.body:
            what, since = str(news.body["event"]), news.body["effective_from"]
            clock = 0 if self.learning is None else self.learning.clock
            at = clock if since is None else int(parse_times([since])[0])
            if what == LEARNT:
                what = str(news.body["evidence"].get("ended", "failed"))
            self.happened.append(Happened(at, what, str(news.body["why"])))

    def told(self) -> Told:
        """Return all of it."""
        columns = [
            np.concatenate([getattr(own, name) for own in self.scores] or [np.empty(0, np.int64)])
            for name in ("time", "score", "label", "version")
        ]
        order = np.argsort(columns[0], kind="stable")
        times, scores, labels, versions = (own[order] for own in columns)
        known = labels >= 0
        return Told(
            times[known], scores[known] / MICRO, labels[known].astype(np.float64),
            len(np.unique(versions)), tuple(self.happened),
        )  # fmt: skip


def run_alone(
    spec: DomainSpec, champion: Loaded, records: Iterable[Records], renewed: bool = False
) -> Told:
    """Run the champion alone, or as it is renewed by the clock."""
    heard = _Heard()
    own = champion.estimator if renewed else None
    domain = InProcess(spec, champion.answer, champion.signature, renewed=own)
    for piece in records:
        for outputs in domain.steps(piece):
            for record in outputs.records:
                if record.topic == topic(spec.name, LABELLED):
                    heard.scores.append(read_labelled(record.value))
    return heard.told()


def run_loop(
    spec: DomainSpec, champion: Loaded, records: Iterable[Records], lead: int | None = None
) -> Told:
    """Run the champion with its adaptation.

    Parameters
    ----------
    lead
        Event time by which the schedule's end is ahead of the clock, and after which a learning
        has an outcome (ms); by default a step of the metric.
    """
    adaptation, signature = spec.model.adaptation, champion.signature
    assert adaptation is not None
    lead = spec.alerting.accuracy.step if lead is None else lead
    rows = KeptRows(spec)
    learning = KeptLearning(spec, champion, adaptation, rows, lead)
    heard = _Heard(learning)
    life = DomainLife(spec, signature, "bench", [], learning.find, heard.announce)
    watch = ModelWatch(
        signature.monitored(spec),
        lambda at: life.schedule.at(at).champion.version,
        signature.profile,
        adaptation.warm_up,
    )
    domain = InProcess(
        spec, champion.answer, signature, watch=rows.take, watch_again=rows.take_again,
        schedule=life.schedule, versions=learning.estimators,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        own = Adaptive(life, watch, learning, heard.announce, lambda: (), Path(folder) / "life")
        read = dict.fromkeys(own.topics, 0)
        for piece in records:
            learning.clock = max(learning.clock, max(piece.timestamp, default=0))
            # At this pace of the wall clock the lease is ahead by the lead.
            life.observe(learning.clock, learning.clock / (lead / AHEAD_S))
            life.extend()
            rows.take_records(piece)
            for outputs in domain.steps(piece):
                for record in outputs.records:
                    if record.topic not in read:
                        continue
                    if record.topic == topic(spec.name, LABELLED):
                        heard.scores.append(read_labelled(record.value))
                    own.take(record.topic, read[record.topic], record.value)
                    read[record.topic] += 1
            if learning.is_running:
                own.tick()
    assert set(read) == {topic(spec.name, LABELLED), topic(spec.name, PROFILES)}
    return heard.told()
