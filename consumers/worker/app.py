"""Faust application of a worker: agents that receive batches, and the engine that processes them.

``python -m streamsim.consumers.worker`` starts a worker.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import faust
from faust.types import TP

from streamsim.consumers.worker.domain_context import WorkerConfig
from streamsim.consumers.worker.engine import Engine
from streamsim.consumers.worker.inbox import Inbox
from streamsim.consumers.worker.transport import (
    RESTORE_S,
    SESSION_S,
    BatchApp,
    BatchConsumer,
    ConsumerTuning,
)
from streamsim.streams.collecting import RARE
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import StateError, StreamsimError
from streamsim.streams.settings import read_settings
from streamsim.streams.topics import topic

SWITCH_S = 0.0003
"""Thread switch interval. The fetching thread needs the interpreter several times for each response
of the broker; by default it would wait up to 5 ms each time."""


def create_app(config: WorkerConfig) -> BatchApp:
    """Build the Faust app of a worker."""
    app = BatchApp(
        config.group,
        broker=f"kafka://{config.broker}",
        broker_request_timeout=RESTORE_S + 20,  # after this, Faust hangs without a message
        broker_session_timeout=config.tuning.session_s,
        broker_heartbeat_interval=config.tuning.heartbeat_s,
        broker_commit_interval=0.5,
        broker_max_poll_records=None,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=str(config.settings.home_path / "faust"),
    )
    app.tuning = config.tuning

    def finished(tp: TP, offset: int) -> None:
        assert isinstance(app.consumer, BatchConsumer)
        app.consumer.finish(tp, offset)

    specs = [load_domain(name) for name in config.domains]
    app.worker = engine = Engine(config, specs, finished, app.crash, _refuse)
    app.add_dependency(engine)  # an app.service() would start only after the first restore
    for spec in specs:
        for source in spec.inputs.sources:
            _receive(app, engine.inboxes[spec.name], topic(spec.name, source.name))
    return app


def _refuse(error: StateError) -> NoReturn:
    """End the worker with one line instead of Faust's tracebacks.

    No work is lost: the previous assignment was checkpointed before the state is read.
    """
    print(f"streamsim.consumers.worker: {error}", file=sys.stderr, flush=True)
    os._exit(error.exit_code)


def _receive(app: BatchApp, inbox: Inbox, name: str) -> None:
    """Make an agent that puts the fetched records of a topic into the inbox."""

    @app.agent(app.topic(name, value_serializer="raw"), name=f"receive-{name}")
    async def receive(stream: Any) -> None:
        async for event in stream.noack().events():
            for tp, records in event.value.items():
                inbox.put(tp, records)


def parser() -> argparse.ArgumentParser:
    """Describe the command line of a worker."""
    parser = argparse.ArgumentParser(
        prog="python -m streamsim.consumers.worker", description="A Faust worker."
    )
    parser.add_argument("--domain", action="append", required=True, help="domain to process")
    parser.add_argument("--broker", required=True, metavar="HOST:PORT", help="Kafka broker")
    parser.add_argument("--group", default="streamsim", help="consumer group (default streamsim)")
    parser.add_argument("--worker", type=int, default=0, help="number of this worker")
    parser.add_argument("--model-url", help="model service")
    parser.add_argument("--hold", action="store_true", help="score in order of event time")
    parser.add_argument(
        "--scheduled",
        action="store_true",
        help="follow the schedules of versions that a stack decides",
    )
    parser.add_argument(
        "--champion",
        action="append",
        default=[],
        type=_named,
        metavar="MODEL=VERSION",
        help="version of a model that the run began with (default: the service's)",
    )
    parser.add_argument(
        "--score-from",
        action="append",
        default=[],
        type=_instant,
        metavar="DOMAIN=MS",
        help="event time of a domain's first scored event; earlier ones fill the state",
    )
    parser.add_argument("--session-s", type=float, default=SESSION_S, help="session time-out")
    return parser


def _named(text: str) -> tuple[str, str]:
    model, _, version = text.partition("=")
    return model, version


def _instant(text: str) -> tuple[str, int]:
    domain, _, time = text.partition("=")
    return domain, int(time)


def read_config(argv: Sequence[str] | None = None) -> WorkerConfig:
    """Read the command line and the environment of a worker."""
    arguments = parser().parse_args(argv)
    settings = read_settings({"model_url": arguments.model_url})
    return WorkerConfig(
        domains=tuple(arguments.domain),
        broker=arguments.broker,
        group=arguments.group,
        worker=arguments.worker,
        hold=arguments.hold,
        tuning=ConsumerTuning(
            fetch_bytes=max(1 << 20, settings.max_record),
            session_s=arguments.session_s,
            heartbeat_s=arguments.session_s / 6,
            rebalance_s=arguments.session_s,
        ),
        settings=settings,
        scheduled=arguments.scheduled,
        champions=dict(arguments.champion),
        score_from=dict(arguments.score_from),
    )


def run(config: WorkerConfig) -> None:
    """Run a worker until it is stopped."""
    app = create_app(config)
    gc.freeze()
    gc.set_threshold(*RARE)
    sys.setswitchinterval(SWITCH_S)
    faust.Worker(app, loglevel="INFO").execute_from_commandline()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line of a worker."""
    try:
        run(read_config(argv))
    except StreamsimError as error:
        print(f"streamsim.consumers.worker: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
