"""One run in this process: the pipeline, and the life of its model beside it.

What decides is the product's own: schedule, watch, policy, gates and roll-out. The driver extends
the schedule as the controller does, by a fixed lead of event time over the sources' clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson

from streamsim.benchmarks.closed_loop.kept_learning import KeptLearning
from streamsim.benchmarks.closed_loop.kept_rows import KeptRows
from streamsim.consumers.monitor.labelled_scores import MICRO, LabelledScores, read_labelled
from streamsim.models.loaded import Loaded
from streamsim.simulator.in_process import InProcess
from streamsim.simulator.report.own_outputs import ESTIMATE
from streamsim.simulator.run.life.adaptive import LEARNT, Adaptive
from streamsim.simulator.run.life.announcing import News
from streamsim.simulator.run.life.domain_life import DomainLife
from streamsim.simulator.run.life.lease import AHEAD_S
from streamsim.simulator.run.life.watching.model_watch import LOW_METRIC, ModelWatch
from streamsim.streams.codec import parse_times
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints, Records
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import LABELLED, topic

OPENED, AGAIN = "opened", "renotified"


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that was decided or noticed.

    Attributes
    ----------
    at
        Event time of what was noticed, or from which the decision holds (ms).
    what
        An event of ``ops.models``, how a learning ended, or what becomes of an incident:
        :data:`OPENED` or :data:`AGAIN`, followed by its rule unless it is that of the metric.
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
    estimates
        Of the metric before its labels were there, in order; see :func:`estimate_errors`.
    """

    times: Ints
    scores: Floats
    labels: Floats
    versions: int = 1
    happened: tuple[Happened, ...] = ()
    estimates: tuple[Mapping[str, Any], ...] = ()


@dataclass(slots=True)
class _Heard:
    """What is announced and published in a run."""

    learning: KeptLearning | None = None
    happened: list[Happened] = field(default_factory=list)
    scores: list[LabelledScores] = field(default_factory=list)
    estimates: list[Mapping[str, Any]] = field(default_factory=list)

    def announce(self, news: News) -> None:
        """Note what the life of a model tells."""
        if news.metric is not None:
            self.estimates.append(orjson.loads(news.metric.value or b"{}")[ESTIMATE])
        if news.alert is not None:
            body: dict[str, Any] = orjson.loads(news.alert.value or b"{}")
            at = int(parse_times([body["event_time"]])[0])
            of = "" if body["rule"] == LOW_METRIC else f" {body['rule']}"
            self.happened.append(Happened(at, f"{body['change']}{of}", body["text"]))
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
            len(np.unique(versions)), tuple(self.happened), tuple(self.estimates),
        )  # fmt: skip


class Run(Protocol):
    """A run that takes records piece by piece."""

    def take(self, piece: Records) -> None:
        """Process records of one source."""

    def told(self) -> Told:
        """Return what the run has told so far."""


class Alone:
    """The champion alone, or as it is renewed by the clock."""

    def __init__(self, spec: DomainSpec, champion: Loaded, *, renewed: bool = False) -> None:
        own = champion.estimator if renewed else None
        self._name, self._heard = topic(spec.name, LABELLED), _Heard()
        self._domain = InProcess(spec, champion.answer, champion.signature, renewed=own)

    def take(self, piece: Records) -> None:
        """Process records of one source."""
        for outputs in self._domain.steps(piece):
            for record in outputs.records:
                if record.topic == self._name:
                    self._heard.scores.append(read_labelled(record.value))

    def told(self) -> Told:
        """Return what the run has told so far."""
        return self._heard.told()


class Looped:
    """The champion with its adaptation.

    Parameters
    ----------
    folder
        For what the adaptation remembers.
    lead
        Event time by which the schedule's end is ahead of the clock, and after which a learning
        has an outcome (ms); by default a step of the metric.
    """

    def __init__(
        self, spec: DomainSpec, champion: Loaded, folder: Path, lead: int | None = None
    ) -> None:
        adaptation, signature = spec.model.adaptation, champion.signature
        if adaptation is None:
            raise UsageError(f"the model of {spec.name} does not adapt")
        self._lead = spec.alerting.accuracy.step if lead is None else lead
        self._rows = KeptRows(spec)
        self._learning = KeptLearning(spec, champion, adaptation, self._rows, self._lead)
        self._heard = _Heard(self._learning)
        find, announce = self._learning.find, self._heard.announce
        self._life = life = DomainLife(spec, signature, "bench", [], find, announce)
        watch = ModelWatch(
            signature.monitored(spec),
            lambda at: life.schedule.at(at).champion.version,
            signature.profile,
            adaptation.warm_up,
        )
        self._domain = InProcess(
            spec, champion.answer, signature, watch=self._rows.take,
            watch_again=self._rows.take_again, schedule=life.schedule,
            versions=self._learning.estimators,
        )  # fmt: skip
        self._adaptive = Adaptive(
            life, watch, self._learning, announce, lambda: (), folder / "life"
        )
        self._read = dict.fromkeys(self._adaptive.topics, 0)

    def take(self, piece: Records) -> None:
        """Process records of one source."""
        own, learning = self._adaptive, self._learning
        learning.clock = max(learning.clock, max(piece.timestamp, default=0))
        # At this pace of the wall clock the lease is ahead by the lead.
        self._life.observe(learning.clock, learning.clock / (self._lead / AHEAD_S))
        self._life.extend()
        self._rows.take_records(piece)
        labelled, _ = own.topics
        for outputs in self._domain.steps(piece):
            for record in outputs.records:
                if record.topic not in self._read:
                    continue
                if record.topic == labelled:
                    self._heard.scores.append(read_labelled(record.value))
                own.take(record.topic, self._read[record.topic], record.value)
                self._read[record.topic] += 1
        if learning.is_running:
            own.tick()

    def told(self) -> Told:
        """Return what the run has told so far."""
        return self._heard.told()
