"""What a worker is told, and what one of its domains keeps from assignment to assignment."""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from consumers.changelog import Changelog
from consumers.feeds import FeedStates
from consumers.latency import Latencies
from consumers.pipeline import new_tables
from consumers.predict import HttpScorer
from consumers.rolling import Rolling
from consumers.schedule import Schedule
from consumers.transport import ConsumerTuning
from consumers.trimming import Trimmer
from streams.events import NO_TIME
from streams.settings import Settings
from streams.signature import Signature
from streams.spec import DomainSpec


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What one worker is to do.

    Parameters
    ----------
    group
        Consumer group; workers of the same stack share it, and their state.
    worker
        Number of this worker within the stack.
    hold
        Score in order of event time, once the watermark has passed.
    durable
        Write the state down. Without it, it is gone with the worker: what a benchmark compares
        with.
    renews
        Somebody renews the models whose domains declare it, and tells of it: without that, events
        would wait for ever.
    """

    domains: tuple[str, ...]
    broker: str
    group: str
    worker: int
    hold: bool
    tuning: ConsumerTuning
    settings: Settings
    durable: bool = True
    renews: bool = False


class Lasting:
    """What one domain keeps from assignment to assignment."""

    def __init__(
        self,
        spec: DomainSpec,
        config: WorkerConfig,
        producer: AIOKafkaProducer,
        trimmer: Trimmer | None,
    ) -> None:
        settings = config.settings
        trim = trimmer.before if trimmer else None
        self.spec = spec
        self.tables = new_tables(spec)
        self.changelog = Changelog(spec, producer, config.group, trim)
        self.latencies = Latencies()
        self.rolling = Rolling(spec)
        self.feeds = FeedStates(spec.feeds, spec.partitions) if spec.feeds else None
        self.told = dict.fromkeys(("judged", "watched"), NO_TIME)
        """Up to when the accuracy, and the feeds, have been told of, and confirmed (ms)."""
        self.signature: Signature | None = None
        self.schedule: Schedule | None = None
        self.scorer = HttpScorer(
            settings.model_url,
            spec.recipe.name,
            timeout_s=settings.score_timeout_s,
            max_rows=settings.max_rows,
        )
