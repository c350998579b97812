"""Renew models from a run's stream, in a process beside the workers.

The process reads the triggers' topics itself. It never waits for a worker, since workers wait for
its versions. The versions are a function of the topics: after a restart the process goes on with
what it had learnt, reads the records since again, and continues after the last version that it
published.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from streamsim.consumers.predict.learner import Learner
from streamsim.consumers.predict.model_schedule import Entry, read_entry
from streamsim.consumers.worker.inbox import to_records
from streamsim.consumers.worker.shared.follower import follow
from streamsim.models.registry import Registry
from streamsim.simulator.reading import Record, read_whole
from streamsim.simulator.run.announcing import Announcer
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import (
    BrokerError,
    ForeignRecordError,
    StackError,
    StateError,
    StreamsimError,
    UsageError,
)
from streamsim.streams.events import NO_TIME
from streamsim.streams.settings import Settings, read_settings
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.snapshot_files import (
    Positions,
    learner_file,
    load_snapshot,
    save_snapshot,
)
from streamsim.streams.topics import OPS_MODELS, ops_topics, topic

log = logging.getLogger(__name__)

PAUSE_S = 0.5
"""Pause between two attempts while the broker does not answer."""
SAVE_S = 30.0
"""Time between two snapshots of what was learnt."""


@dataclass(frozen=True, slots=True)
class Config:
    """Configuration of the renewing process.

    Parameters
    ----------
    domains
        Domain to the version of its model that is renewed.
    group
        The workers' consumer group, for which the versions are published.
    renewed
        Folder of the renewed versions.
    snapshots
        Folder of what has been learnt.
    """

    domains: dict[str, str]
    broker: str
    group: str
    renewed: Path
    snapshots: Path
    settings: Settings


class Renewer:
    """Renews the model of one domain, and publishes its versions."""

    def __init__(
        self, spec: DomainSpec, version: str, config: Config, published: list[Record]
    ) -> None:
        if spec.model.renewal is None:
            raise UsageError(f"the model of {spec.name} is not renewed")
        self.spec, self._config = spec, config
        registry = Registry(config.settings.home_path / "registry")
        estimator, self._champion = registry.load(spec.model.recipe.name, version)
        until = max((entry.until for entry in self._entries(published)), default=NO_TIME)
        self.announcer = Announcer(
            self._champion,
            Registry(config.renewed),
            config.broker,
            config.group,
            config.settings,
        )
        self._learner = Learner(spec, spec.model.renewal, estimator, self._champion, until)
        self._file = learner_file(config.snapshots, spec)
        self.starts: Positions = {}
        """Where reading begins, by topic and partition; elsewhere at the beginning."""
        self._restore()
        self._saved_until, self._saved_at = self._learner.learnt_until, time.monotonic()

    @property
    def topic(self) -> str:
        """The topic that the model learns from."""
        return topic(self.spec.name, self.spec.trigger.name)

    def _entries(self, published: Iterable[Record]) -> Iterator[Entry]:
        """Read the versions that were published before; skip what other programs have written."""
        for record in published:
            with suppress(ForeignRecordError):
                entry = read_entry(record.value, self._config.group, self._champion.model)
                if entry is not None:
                    yield entry

    def take(self, partition: int, records: Sequence[Any]) -> None:
        """Learn from the fetched records of a partition."""
        fetched = to_records(self.spec.trigger.name, [(partition, list(records))])
        for entry, estimator in self._learner.push(fetched):
            self.announcer.take(entry, estimator)
        has_learnt = self._learner.learnt_until > self._saved_until
        if has_learnt and time.monotonic() - self._saved_at >= SAVE_S:
            self._save()

    def _restore(self) -> None:
        """Go on with what was learnt before."""
        try:
            found = load_snapshot(self._file)
            if found is not None:
                columns, self.starts = found
                positions = [self.starts[self.topic, p] for p in range(self.spec.partitions)]
                self._learner.restore(columns, np.array(positions))
        except (StateError, KeyError, ValueError, IndexError, TypeError, OSError) as error:
            raise StackError(f"{self._file} cannot be read: {error!r}") from error

    def _save(self) -> None:
        """Keep what was learnt: the records before may be deleted then.

        A restarted process announces only what it learns from then on.
        """
        self.announcer.flush()
        positions = self._learner.positions().tolist()
        places = {(self.topic, p): offset for p, offset in enumerate(positions)}
        try:
            save_snapshot(self._file, self._learner.snapshot(), places)
        except OSError as error:
            log.warning("%s is not written: %s", self._file, error.strerror)
        self._saved_until, self._saved_at = self._learner.learnt_until, time.monotonic()


def run(config: Config) -> None:
    """Renew models until stopped."""
    published = _published(config.broker)
    renewers = [
        Renewer(load_domain(name), version, config, published)
        for name, version in config.domains.items()
    ]
    asyncio.run(_follow_all(renewers, config))


def _published(broker: str) -> list[Record]:
    """Read the records of ``ops.models`` so far."""
    models = [t for t in ops_topics() if t.name == OPS_MODELS]
    while True:
        try:
            return read_whole(broker, models)[OPS_MODELS]
        except BrokerError as error:
            log.warning("trying again: %s", error)
            time.sleep(PAUSE_S)


async def _follow_all(renewers: Sequence[Renewer], config: Config) -> None:
    await asyncio.gather(*(_follow(renewer, config) for renewer in renewers))


async def _follow(renewer: Renewer, config: Config) -> None:
    def handle(name: str, records: Sequence[Any]) -> None:
        renewer.take(records[0].partition, records)

    partitions = renewer.spec.partitions
    reading = follow(config.broker, [renewer.topic], partitions, handle, renewer.starts)
    await asyncio.gather(reading, asyncio.wrap_future(renewer.announcer.failure))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m streamsim.simulator.run.renewing",
        description="Renews models from the stream.",
    )
    parser.add_argument(
        "--domain", action="append", required=True, metavar="NAME:VERSION",
        help="domain, and the version to renew",
    )  # fmt: skip
    parser.add_argument("--broker", required=True, metavar="HOST:PORT", help="Kafka broker")
    parser.add_argument("--group", required=True, help="the workers' consumer group")
    parser.add_argument(
        "--renewed", type=Path, required=True, help="folder of the renewed versions"
    )
    parser.add_argument(
        "--snapshots", type=Path, required=True, help="folder of what has been learnt"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Renew models until stopped; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    arguments = parser().parse_args(argv)
    domains = {}
    for text in arguments.domain:
        name, _, version = text.partition(":")
        domains[name] = version
    try:
        run(
            Config(
                domains,
                arguments.broker,
                arguments.group,
                arguments.renewed,
                arguments.snapshots,
                read_settings(),
            )
        )
    except StreamsimError as error:
        print(f"streamsim.simulator.run.renewing: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
