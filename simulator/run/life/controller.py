"""The lives of all models of a stack: what is read is handed to each, and what is asked is done."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from streamsim.consumers.monitor.incidents.grouping import entity_alert
from streamsim.consumers.monitor.incidents.silences import Silence, read_silences
from streamsim.consumers.predict.model_schedule import Entry, read_entry, read_lifecycle
from streamsim.consumers.worker.worker_metrics import read_version_counts, read_worker_metrics
from streamsim.models.registry import Registry
from streamsim.simulator.reading import Record
from streamsim.simulator.report.effect import RecentIdentities, identity
from streamsim.simulator.report.own_outputs import read_alert
from streamsim.simulator.run.life.adaptive import Adaptive
from streamsim.simulator.run.life.announcing import Announcer
from streamsim.simulator.run.life.domain_life import DomainLife, is_of_run
from streamsim.simulator.run.life.learning import Learning
from streamsim.simulator.run.life.lease import check_clock
from streamsim.simulator.run.life.life_requests import REFUSED, Request, read_request
from streamsim.simulator.run.life.renewing import Renewer
from streamsim.simulator.run.life.watching.model_watch import ModelWatch
from streamsim.simulator.run.life.withdrawing import Withdrawing
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ForeignRecordError, ModelError, UsageError
from streamsim.streams.settings import Settings
from streamsim.streams.signature import Signature
from streamsim.streams.spec.adapting import Adaptation
from streamsim.streams.stored.foreign_records import ForeignRecords
from streamsim.streams.stored.snapshot_files import life_file

log = logging.getLogger(__name__)


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
        self._withdrawing: dict[str, Withdrawing] = {}
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
        if self._config.settings.adapts:
            self._withdrawing[name] = Withdrawing(life, adaptation.trial)
        watch = ModelWatch(
            champion.monitored(spec),
            lambda at: life.schedule.at(at).champion.version,
            champion.profile,
            adaptation.warm_up,
            lambda at: life.schedule.at(at).champion.profile,
        )
        life.recent = watch.recent
        file = life_file(self._config.snapshots, spec)
        self.adaptive[name] = Adaptive(
            life, watch, learning, self.announcer.take, self._silences, file,
            lambda: self.announcer.is_done,
        )  # fmt: skip
        if spec.model.renewal is not None:
            loaded = self._home.load(model, version)
            self.renewers.append(
                Renewer(spec, life, loaded, self._config.snapshots, self.announcer.flush)
            )

    def _find(self, model: str, version: str) -> Signature:
        """Return the signature of a version, which from then on lies among the run's."""
        if not is_of_run(version) and version not in self._own.versions(model):
            try:
                self._own.adopt(self._home.root / model / version)
            except OSError as error:  # a full disk: what asks is refused, and the process goes on
                why = f"{error.filename or self._own.root}: {error.strerror}"
                raise ModelError(f"{model} {version} is not copied: {why}") from None
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
        """Take the workers' metrics: the clocks that they have heard, and how versions do."""
        domain = name.partition(".")[0]
        life, withdrawing = self.lives[domain], self._withdrawing.get(domain)
        for record in records:
            with suppress(ValueError, TypeError, AttributeError, KeyError), self._noted(record):
                body = read_worker_metrics(record.value or b"null")
                clock = body and body["clock"].get(life.spec.trigger.name)
                if isinstance(clock, int):
                    check_clock(clock)
                    life.observe(clock, time.monotonic())
                counts = body and read_version_counts(body)
                if counts and withdrawing is not None:
                    withdrawing.take(*counts)
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
            own.read_until(name, record.partition, record.offset + 1)
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

    @contextmanager
    def _noted(self, record: Record) -> Iterator[None]:
        """Note that a record is of another program, and go on."""
        try:
            yield
        except ForeignRecordError as error:
            self._note(record, error)

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
