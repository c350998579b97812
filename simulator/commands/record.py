"""``streamsim record`` and ``streamsim replay``: record topics, and publish them again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from streamsim.producers.batches import joined
from streamsim.producers.pace import AtOnce
from streamsim.producers.recording import read_recording
from streamsim.producers.sender import CHUNK, GATHER_MS, Sender
from streamsim.simulator.commands.paces import pace_options
from streamsim.simulator.commands.send import stop_on_signals, timed_pace
from streamsim.simulator.run.recorder import record_to
from streamsim.simulator.run.runs import Run, find_run
from streamsim.streams.clock import WallClock
from streamsim.streams.domain_registry import all_topics, load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.settings import check_address, read_settings


def run_record(
    *, file: Path, names: Sequence[str], domain: str | None, seconds: float, run: str | None
) -> None:
    """Record the topics of a running stack, now or after some seconds."""
    found = running(run)
    specs = tuple(load_domain(n) for n in found.domains if domain in (None, n))
    if not specs:
        raise UsageError(f"run {found.name} has no domain {domain!r}")
    topics = {t.name: t for t in all_topics(specs)}
    unknown = [name for name in names if name not in topics]
    if unknown:
        raise UsageError(f"no topic {unknown[0]!r}; see: streamsim topics")
    if seconds:
        click.echo(f"recording for {seconds:g} s ...")
        time.sleep(seconds)
    chosen = [topics[name] for name in names] or [t for t in topics.values() if not t.internal]
    summary = record_to(file, str(found.info["address"]), specs, chosen, found)
    click.echo(summary)


def run_replay(
    *,
    file: Path,
    domain: str | None,
    broker: str | None,
    run: str | None,
    speed: str | None,
) -> None:
    """Publish the source topics of a recording again, in their order, at any speed."""
    recording = read_recording(file)
    names = recording.manifest.get("domains", [])
    chosen = [name for name in names if domain in (None, name)]
    if len(chosen) != 1:
        raise UsageError(f"say which --domain to replay; {file} has {', '.join(names) or 'none'}")
    spec = load_domain(chosen[0])
    address = check_address(broker) if broker else str(running(run).info["address"])
    pace_options(None, speed)
    clock = WallClock()
    pace = timed_pace(spec.world, None, speed, clock.now_ms()) if speed else AtOnce()
    settings = read_settings()
    sender = Sender(spec, address, pace, clock, settings.max_record, settings.send_linger_ms)
    stop_on_signals(sender)
    batches = recording.batches(spec)
    if isinstance(pace, AtOnce):
        batches = joined(batches, CHUNK, GATHER_MS, clock)
    sent = sender.run(batches)
    counted = ", ".join(f"{n:,} {name}" for name, n in sorted(sent.events.items()))
    click.echo(f"{spec.name}: sent {counted or 'nothing'} again")


def running(name: str | None) -> Run:
    """Return the run that is running; raise :class:`UsageError` if there is none."""
    found = find_run(read_settings(), name)
    if not found.alive or not found.info.get("address"):
        raise UsageError("no stack is running; name a broker with --broker, or start: streamsim up")
    return found
