"""Process that runs the life of the models in a stack: it alone decides which version answers.

It keeps the schedules ahead of the workers, renews models from the stream, and does what people ask
for. All that it decides is a record of ``ops.models``; after a restart it goes on from there.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from streamsim.consumers.monitor.incidents.grouping import entity_alert
from streamsim.consumers.monitor.incidents.silences import Silence, read_silences
from streamsim.consumers.predict.model_schedule import Entry, read_entry, read_lifecycle
from streamsim.consumers.worker.shared.follower import follow
from streamsim.consumers.worker.worker_metrics import read_worker_metrics
from streamsim.models.registry import Registry
from streamsim.simulator.reading import Record, read_whole
from streamsim.simulator.report.effect import RecentIdentities, identity
from streamsim.simulator.report.own_outputs import read_alert
from streamsim.simulator.run.life.adaptive import Adaptive
from streamsim.simulator.run.life.announcing import Announcer
from streamsim.simulator.run.life.domain_life import DomainLife, is_of_run
from streamsim.simulator.run.life.learning import Learning
from streamsim.simulator.run.life.life_requests import REFUSED, Request, read_request
from streamsim.simulator.run.life.model_watch import ModelWatch
from streamsim.simulator.run.life.renewing import Renewer
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import BrokerError, ForeignRecordError, StreamsimError, UsageError
from streamsim.streams.settings import Settings, read_settings
from streamsim.streams.signature import Signature
from streamsim.streams.spec.adapting import Adaptation
from streamsim.streams.stored.foreign_records import ForeignRecords
from streamsim.streams.stored.snapshot_files import life_file
from streamsim.streams.topics import (
    ALERTS,
    METRICS,
    OPS_MODELS,
    TABLE_PARTITIONS,
    ops_topics,
    topic,
)

log = logging.getLogger(__name__)

PAUSE_S = 0.5
"""Pause between two attempts while the broker does not answer."""
TICK_S = 0.1
NEWEST = 1 << 62
"""Offset beyond the end of any topic: reading begins at the end."""


@dataclass(frozen=True, slots=True)
class Config:
    """Configuration of the process.

    Parameters
    ----------
    domains
        Domain to the version of its model that the run began with.
    group
        The workers' consumer group, for which versions are announced.
    versions
        Folder of the run's versions.
    snapshots
        Folder of what renewals have learnt.
    """

    domains: dict[str, str]
    broker: str
    group: str
    versions: Path
    snapshots: Path
    settings: Settings


class Controller:
    """The lives of all models of a stack.

    Parameters
    ----------
    told
        The records of ``ops.models`` so far.
    """

    def __init__(self, config: Config, told: Sequence[Record]) -> None:
        self._config = config
        self._home = Registry(config.settings.home_path / "registry")
        self._own = Registry(config.versions)
        self.announcer = Announcer(self._own, config.broker, config.settings)
        self._foreign = ForeignRecords()
        self.lives: dict[str, DomainLife] = {}
        self.renewers: list[Renewer] = []
        self.adaptive: dict[str, Adaptive] = {}
        self._recent = RecentIdentities()
        for name, version in config.domains.items():
            self._begin(name, version, told)
        self._of_model = {life.model: life for life in self.lives.values()}
        self._asked: dict[str, Request] = {}
        self._answered: set[str] = set()
        for record in told:
            self.take_ops(record)

    def _begin(self, name: str, version: str, told: Sequence[Record]) -> None:
        spec = load_domain(name)
        if not self._config.settings.adapts:
            spec = replace(spec, model=replace(spec.model, adaptation=None))
        model = spec.model.recipe.name
        champion = self._home.release(model, version).signature
        life = DomainLife(
            spec,
            champion,
            self._config.group,
            _entries(told, self._config.group, model),
            partial(self._find, model),
            self.announcer.take,
        )
        self.lives[name] = life
        learning = Learning(
            name, self._config.broker, self._config.versions,
            self._config.snapshots.parent / "learning", dict(os.environ),
        )  # fmt: skip
        adaptation = spec.model.adaptation or Adaptation()
        watch = ModelWatch(
            champion.monitored(spec),
            lambda at: life.schedule.at(at).champion.version,
            champion.profile,
            adaptation.warm_up,
        )
        file = life_file(self._config.snapshots, spec)
        self.adaptive[name] = Adaptive(
            life, watch, learning, self.announcer.take, self._silences, file
        )
        if spec.model.renewal is not None:
            loaded = self._home.load(model, version)
            self.renewers.append(
                Renewer(spec, life, loaded, self._config.snapshots, self.announcer.flush)
            )

    def _find(self, model: str, version: str) -> Signature:
        """Return the signature of a version, which from then on lies among the run's."""
        if not is_of_run(version) and version not in self._own.versions(model):
            self._own.adopt(self._home.root / model / version)
        return self._own.release(model, version).signature

    def take_ops(self, record: Record) -> None:
        """Take a record of ``ops.models``: remember requests, and which of them are answered."""
        try:
            body = read_lifecycle(record.value)
            request = read_request(body, self._config.group, self._config.settings.token)
        except ForeignRecordError as error:
            self._note(record, error)
            return
        if request is not None and request.id not in self._answered:
            self._asked.setdefault(request.id, request)
        evidence = body.get("evidence")
        answered = body.get("asked") if body["event"] == REFUSED else None
        if isinstance(evidence, dict):
            answered = evidence.get("asked")
        if isinstance(answered, str):
            self._answered.add(answered)
            self._asked.pop(answered, None)

    def take_metrics(self, name: str, records: Sequence[Record]) -> None:
        """Take the workers' metrics: the clocks that they have heard."""
        life = self.lives[name.partition(".")[0]]
        for record in records:
            with suppress(ValueError, TypeError, AttributeError, KeyError):
                body = read_worker_metrics(record.value or b"null")
                clock = body and body["clock"].get(life.spec.trigger.name)
                if isinstance(clock, int):
                    life.observe(clock, time.monotonic())
        life.extend()

    def take_shared(self, name: str, records: Sequence[Record]) -> None:
        """Take labelled scores or profiles."""
        own = self.adaptive[name.partition(".")[0]]
        for record in records:
            try:
                own.take(name, record.offset, record.value)
            except ForeignRecordError as error:
                self._note(record, error)

    def take_alerts(self, name: str, records: Sequence[Record]) -> None:
        """Take alerts about entities; a repeat is none."""
        own = self.adaptive[name.partition(".")[0]]
        for record in records:
            named = identity(record)
            try:
                if named is None:
                    raise ForeignRecordError("no headers that name its source")
                body = read_alert(own.life.spec, record.value)
                if self._recent.is_new(named):
                    alert = entity_alert(own.life.spec, str(named), record.timestamp, body)
                    if alert is not None:
                        own.take_alert(alert)
            except ForeignRecordError as error:
                self._note(record, error)

    def _silences(self) -> tuple[Silence, ...]:
        """Read the silences anew; a file that is wrong silences nothing."""
        try:
            return read_silences(self._config.settings.silences_path)
        except UsageError as error:
            log.warning("%s", error)
            return ()

    def _note(self, record: Record, error: ForeignRecordError) -> None:
        said = self._foreign.add(record.topic, record.partition, record.offset, str(error))
        if said is not None:
            log.warning("%s", said)

    def tick(self) -> None:
        """Keep the schedules ahead, do what is asked for, and look after learnings."""
        for adaptive in self.adaptive.values():
            adaptive.tick()
        for life in self.lives.values():
            life.extend()
        for request in list(self._asked.values()):
            life_of = self._of_model.get(request.model)
            if life_of is None or life_of.has_begun:
                del self._asked[request.id]
                self._answered.add(request.id)
                if life_of is not None:
                    life_of.carry_out(request)


def _entries(told: Sequence[Record], run: str, model: str) -> list[Entry]:
    """Read the entries that were announced before; skip what other programs have written."""
    found = []
    for record in told:
        with suppress(ForeignRecordError):
            entry = read_entry(record.value, run, model)
            if entry is not None:
                found.append(entry)
    return found


def run(config: Config) -> None:
    """Run the lives until stopped."""
    told = _told(config.broker)
    asyncio.run(_follow_all(Controller(config, told), config, len(told)))


def _told(broker: str) -> list[Record]:
    """Read the records of ``ops.models`` so far."""
    models = [t for t in ops_topics() if t.name == OPS_MODELS]
    while True:
        try:
            return read_whole(broker, models)[OPS_MODELS]
        except BrokerError as error:
            log.warning("trying again: %s", error)
            time.sleep(PAUSE_S)


async def _follow_all(controller: Controller, config: Config, known: int) -> None:
    metrics = [topic(name, METRICS) for name in config.domains]
    starts = {(name, 0): NEWEST for name in metrics} | {(OPS_MODELS, 0): known}

    def handle(name: str, records: Sequence[Any]) -> None:
        if name != OPS_MODELS:
            controller.take_metrics(name, records)
            return
        for record in records:
            controller.take_ops(record)

    await asyncio.gather(
        follow(config.broker, [OPS_MODELS, *metrics], 1, handle, starts),
        *(_adapt(own, controller, config) for own in controller.adaptive.values()),
        *(_renew(renewer, config) for renewer in controller.renewers),
        _tick(controller.tick),
        asyncio.wrap_future(controller.announcer.failure),
    )


async def _tick(act: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        act()


async def _adapt(own: Adaptive, controller: Controller, config: Config) -> None:
    spec = own.life.spec
    await asyncio.gather(
        follow(config.broker, own.topics, TABLE_PARTITIONS, controller.take_shared, own.starts),
        follow(
            config.broker,
            [topic(spec.name, ALERTS)],
            spec.partitions,
            controller.take_alerts,
            {(topic(spec.name, ALERTS), p): NEWEST for p in range(spec.partitions)},
        ),
    )


async def _renew(renewer: Renewer, config: Config) -> None:
    def handle(name: str, records: Sequence[Any]) -> None:
        renewer.take(records[0].partition, records)

    partitions = renewer.spec.partitions
    await follow(config.broker, [renewer.topic], partitions, handle, renewer.starts)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m streamsim.simulator.run.life.controlling",
        description="Decides which versions of the models answer in a stack.",
    )
    parser.add_argument(
        "--domain", action="append", required=True, metavar="NAME:VERSION",
        help="domain, and the version that the run began with",
    )  # fmt: skip
    parser.add_argument("--broker", required=True, metavar="HOST:PORT", help="Kafka broker")
    parser.add_argument("--group", required=True, help="the workers' consumer group")
    parser.add_argument("--versions", type=Path, required=True, help="folder of the run's versions")
    parser.add_argument(
        "--snapshots", type=Path, required=True, help="folder of what renewals have learnt"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the lives until stopped; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    arguments = parser().parse_args(argv)
    named = (text.partition(":") for text in arguments.domain)
    try:
        run(
            Config(
                {name: version for name, _, version in named},
                arguments.broker,
                arguments.group,
                arguments.versions,
                arguments.snapshots,
                read_settings(),
            )
        )
    except StreamsimError as error:
        print(f"streamsim.simulator.run.life.controlling: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
