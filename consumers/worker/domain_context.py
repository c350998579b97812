"""Configuration of a worker, and the objects of a domain that outlive an assignment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer

from streamsim.consumers.core.exchange import Exchange
from streamsim.consumers.monitor.latency_histogram import Latencies
from streamsim.consumers.monitor.version_counts import VersionCounts
from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.consumers.worker.changelog import Changelog
from streamsim.consumers.worker.http_scorer import HttpScorer
from streamsim.consumers.worker.output import Output
from streamsim.consumers.worker.transport import ConsumerTuning
from streamsim.consumers.worker.trimming import Trimmer
from streamsim.streams.events import NO_TIME
from streamsim.streams.settings import Settings
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.alert_schema import schema_path
from streamsim.streams.topics import ALERTS, topic


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Configuration of one worker.

    Parameters
    ----------
    group
        Consumer group; workers of the same stack share it, and their state.
    worker
        Number of this worker within the stack.
    hold
        Score in order of event time, once the watermark has passed.
    durable
        Write checkpoints. Without them the state is lost with the worker: a baseline for
        benchmarks.
    scheduled
        The stack decides which version answers when, and publishes the schedules. If it did not,
        events would wait for ever.
    champions
        Model to the version that the run began with; the service's default for others.
    score_from
        Domain to the event time of its first scored event (ms); earlier ones fill the state.
    """

    domains: tuple[str, ...]
    broker: str
    group: str
    worker: int
    hold: bool
    tuning: ConsumerTuning
    settings: Settings
    durable: bool = True
    scheduled: bool = False
    champions: Mapping[str, str] = field(default_factory=dict)
    score_from: Mapping[str, int] = field(default_factory=dict)

    def output(self, spec: DomainSpec, producer: AIOKafkaProducer) -> Output:
        """Return an output of a domain, whose alerts name their schema."""
        schemas = {}
        if self.settings.model_url:
            url = self.settings.model_url.rstrip("/") + schema_path(spec.name)
            schemas[topic(spec.name, ALERTS)] = url
        return Output(producer, self.settings.max_record, schemas)


class DomainContext:
    """The objects of one domain that a worker keeps over assignments."""

    def __init__(
        self,
        spec: DomainSpec,
        config: WorkerConfig,
        producer: AIOKafkaProducer,
        trimmer: Trimmer,
    ) -> None:
        settings = config.settings
        self.spec = spec
        self.score_from = config.score_from.get(spec.name, NO_TIME)
        self.exchange = Exchange(spec, self.score_from)
        self.changelog = Changelog(spec, producer, config.group, trimmer.before)
        self.latencies = Latencies()
        self.counts = VersionCounts()
        """What each version has done, since the process started."""
        self.published_until = dict.fromkeys(self.exchange.folds, NO_TIME)
        """Per kind, the time up to which complete states are published and confirmed (ms)."""
        self.signature: Signature | None = None
        self.schedule: Schedule | None = None
        self._scheduled = config.scheduled
        self.scorer = HttpScorer(
            settings.model_url,
            spec.model.recipe.name,
            timeout_s=settings.score_timeout_s,
            max_rows=settings.max_rows,
        )

    def serve(self, champion: Signature) -> None:
        """Take the model that scores; its accuracy is monitored by its own threshold."""
        self.signature = champion
        self.schedule = Schedule(champion) if self._scheduled else None
        self.exchange = Exchange(champion.monitored(self.spec), self.score_from)
