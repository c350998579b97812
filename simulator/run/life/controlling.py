"""Process that runs the life of the models in a stack: it alone decides which version answers.

It keeps the schedules ahead of the workers, renews models from the stream, and does what people ask
for. All that it decides is a record of ``ops.models``; after a restart it goes on from there.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from streamsim.consumers.worker.shared.follower import follow
from streamsim.simulator.brokers.broker import end_offsets
from streamsim.simulator.reading import Record, read_each, read_whole
from streamsim.simulator.run.life.adaptive import Adaptive
from streamsim.simulator.run.life.controller import Config, Controller
from streamsim.simulator.run.life.renewing import Renewer
from streamsim.streams.errors import BrokerError, StreamsimError
from streamsim.streams.settings import read_settings
from streamsim.streams.topics import (
    ALERTS,
    METRICS,
    OPS_MODELS,
    TABLE_PARTITIONS,
    ops_topics,
    topic,
    topics_of,
)

T = TypeVar("T")
log = logging.getLogger(__name__)

PAUSE_S = 0.5
"""Pause between two attempts while the broker does not answer."""
TICK_S = 0.1
NEWEST = 1 << 62
"""Offset beyond the end of any topic: reading begins at the end."""


def run(config: Config) -> None:
    """Run the lives until stopped."""
    told = _told(config.broker)
    known = told[-1].offset + 1 if told else 0  # the topic is compacted: there may be fewer records
    controller = Controller(config, told)
    _again(lambda: take_missed_alerts(controller, config.broker))
    asyncio.run(_follow_all(controller, config, known))


def _told(broker: str) -> list[Record]:
    """Read the records of ``ops.models`` so far."""
    models = [t for t in ops_topics() if t.name == OPS_MODELS]
    return _again(lambda: read_whole(broker, models)[OPS_MODELS])


def _again(act: Callable[[], T]) -> T:
    """Do something as soon as the broker answers; return its value."""
    while True:
        try:
            return act()
        except BrokerError as error:
            log.warning("trying again: %s", error)
            time.sleep(PAUSE_S)


def take_missed_alerts(controller: Controller, broker: str) -> None:
    """Hand over the alerts that were raised while no controller ran.

    They are handed over before anything else, so that they are taken in order of event time: read
    partition by partition, those of the second would come too late for their groups.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    for name, own in controller.adaptive.items():
        alerts = [t for t in topics_of(own.life.spec) if t.name == topic(name, ALERTS)]
        ends = end_offsets(broker, alerts)
        controller.take_alerts(alerts[0].name, list(read_each(broker, alerts, own.starts)))
        for (_, partition), end in ends.items():  # some may be deleted
            own.read_until(alerts[0].name, partition, end)


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
            own.starts,
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
