"""``streamsim send``: run one domain's producer."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

import click
import orjson

from streamsim.producers.backlog import Backlog, WorkerWatch
from streamsim.producers.batches import Batch, joined
from streamsim.producers.pace import (
    SLOT_MS,
    AfterWarmUp,
    AtOnce,
    ByRate,
    BySpeed,
    Pace,
    Slots,
)
from streamsim.producers.recording import read_manifest, read_recording
from streamsim.producers.resume import Progress, SentRecords, read_progress, unordered_sources
from streamsim.producers.sender import CHUNK, GATHER_MS, Sender
from streamsim.producers.wire import wire, wire_at_once
from streamsim.simulator.brokers.broker import end_offsets
from streamsim.simulator.commands.paces import pace_options, parse_speed
from streamsim.simulator.commands.worlds import options_of
from streamsim.simulator.domain_stream import file_slices, with_columns, world_slices
from streamsim.simulator.reading import read_each
from streamsim.simulator.run.kept_run import keep
from streamsim.simulator.run.runs import find_run
from streamsim.streams.clock import Clock, WallClock
from streamsim.streams.collecting import rare_collections
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.settings import Settings, check_address, read_settings
from streamsim.streams.spec import DomainSpec, WorldSpec
from streamsim.streams.topics import METRICS, TRUTH, topic, topics_of

SLACK_MS = 5_000
"""A producer sends a little ahead of its anchor."""


def run_send(
    *,
    domain: str,
    source: Path | None,
    columns: Path | None,
    broker: str | None,
    run: str | None,
    rate: float | None,
    speed: str | None,
    days: float | None,
    seed: int | None,
    anchor: int | None,
    since: int | None,
    wait: bool,
    report: Path | None,
    resume: bool,
    score_from: int | None = None,
    slot: int | None = None,
    world: Sequence[str] = (),
) -> None:
    """Send until the source ends or a signal arrives."""
    settings = read_settings({"seed": seed})
    spec = with_columns(load_domain(domain), columns)
    pace_options(rate, speed)
    if source is not None and (days is not None or world):
        raise UsageError("--days and --world are for worlds; a file is as it is")
    options = {**spec.world.options, **options_of(world, spec)}
    spec = replace(spec, world=replace(spec.world, options=options))
    if broker is None:
        found = find_run(settings, run)
        if not found.alive:
            raise UsageError("no stack is running; name a broker with --broker")
        broker = str(found.info["address"])
    check_address(broker)
    clock = WallClock()
    began = anchor or clock.now_ms()
    progress = None if report is None else report.with_suffix(".progress")
    already = _already(spec, broker, since or began, progress) if resume else None
    if already is not None and since is not None and since < began:
        # What has been sent is not paced again. It fell behind by some of the time that it took.
        began -= max(0, already.last_ms - since - already.behind_ms)
    pace = timed_pace(spec.world, rate, speed, began)
    if score_from is not None and not isinstance(pace, AtOnce):
        until = max(score_from, already.latest_ms if already else 0)
        pace = AfterWarmUp(until, clock, partial(timed_pace, spec.world, rate, speed))
    backlog = Backlog()
    sender = Sender(
        spec,
        broker,
        pace,
        clock,
        settings.max_record,
        settings.send_linger_ms,
        already,
        progress,
        backlog,
        Slots(slot or SLOT_MS),
    )
    stop_on_signals(sender)
    gc.freeze()
    watch = WorkerWatch(
        broker, topic(spec.name, METRICS), topic(spec.name, spec.trigger.name), backlog, clock
    )
    with watch if wait else nullcontext(), rare_collections():
        sent = sender.run(_batches(spec, source, settings, days, clock, isinstance(pace, AtOnce)))
    ignore_signals()
    if report is not None:  # a supervisor's child: its output goes to a disk that may be full
        keep(report, orjson.dumps(sent.as_dict()), lambda text: None)
        return
    counted = ", ".join(f"{n:,} {name}" for name, n in sorted(sent.events.items()))
    click.echo(f"{spec.name}: sent {counted or 'nothing'}")


def stop_on_signals(sender: Sender) -> None:
    """Let SIGTERM and SIGINT end the sending cleanly."""

    def stop(number: int, frame: FrameType | None) -> None:
        sender.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def ignore_signals() -> None:
    """Ignore SIGTERM and SIGINT from now on: they would kill Python while it shuts down."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def timed_pace(world: WorldSpec, rate: float | None, speed: str | None, wall_ms: int) -> Pace:
    """Return the pace of the options, by default that of the domain's demonstration."""
    if rate is not None:
        return ByRate(wall_ms, rate)
    chosen = parse_speed(speed) if speed else world.days_per_minute * 1440
    return AtOnce() if chosen == float("inf") else BySpeed(wall_ms, chosen)


def _already(spec: DomainSpec, broker: str, since_ms: int, file: Path | None) -> SentRecords:
    """Return what a producer started at ``since_ms`` has sent so far."""
    topics = [t for t in topics_of(spec) if t.role is not None or t.name == topic(spec.name, TRUTH)]
    progress, unordered = read_progress(file), unordered_sources(spec.inputs)
    ends = end_offsets(broker, topics)
    if any(offset > ends[place] for place, offset in progress.offsets.items()):
        progress = Progress()  # the machine went down, and the broker lost what was confirmed
    again = {topic(spec.name, source) for source in unordered}
    ordered = Progress(
        {source: n for source, n in progress.rows.items() if source not in unordered},
        {place: offset for place, offset in progress.offsets.items() if place[0] not in again},
        behind_ms=progress.behind_ms,
        latest_ms=progress.latest_ms,
    )
    records = read_each(broker, topics, ordered.offsets)
    return SentRecords(records, since_ms - SLACK_MS, ordered)


def _batches(
    spec: DomainSpec,
    source: Path | None,
    settings: Settings,
    days: float | None,
    clock: Clock,
    at_once: bool,
) -> Iterator[Batch]:
    if source is not None and source.is_file() and read_manifest(source) is not None:
        recorded = read_recording(source).batches(spec)
        return joined(recorded, CHUNK, GATHER_MS, clock) if at_once else iter(recorded)
    if source is None:
        slices = world_slices(spec, settings.seed, spec.world.options, days, settings=settings)
    else:
        slices = file_slices(spec, source, settings)
    return wire_at_once(spec, slices, CHUNK, GATHER_MS, clock) if at_once else wire(spec, slices)
