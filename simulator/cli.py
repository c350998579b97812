"""``streamsim``: the command line. Every command is a function; heavy imports wait until used."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from streamsim.simulator.commands.bench import BENCHMARKS
from streamsim.streams.errors import StreamsimError, UsageError
from streamsim.streams.version import __version__

# Before scikit-learn is loaded: its threads wait for each other by spinning, and on a machine that
# does anything else besides, two of them take several times as long as one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

FOLDER = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="streamsim")
def main() -> None:
    """Rehearse real-time machine learning over event streams, on one machine."""


@main.command()
@click.option("--domain", "domains", multiple=True, metavar="D", help="domain to run (repeat)")
@click.option(
    "--rate",
    "rates",
    multiple=True,
    metavar="[DOMAIN=]N",
    help="events per second, of each domain or of one (repeat)",
)
@click.option(
    "--speed",
    "speeds",
    multiple=True,
    metavar="[DOMAIN=]X|max",
    help="event seconds per second, or max, of each domain or of one (repeat)",
)
@click.option("--source", "sources", multiple=True, metavar="DOMAIN=PATH", help="file to replay")
@click.option("--duration", type=click.FloatRange(0, min_open=True), help="wall seconds to run")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="event days to run")
@click.option("--workers", type=int, help="Faust workers")
@click.option("--broker", metavar="embedded|HOST:PORT", help="broker to use")
@click.option("--seed", type=int, help="seed of the worlds")
@click.option("--hold", is_flag=True, help="score in order of event time")
@click.option("--headless", is_flag=True, help="plain lines instead of a screen")
@click.option("--report", type=FOLDER, metavar="FILE", help="write the report as JSON")
@click.option("--record", type=FOLDER, metavar="FILE", help="record the whole run (Parquet)")
def up(**options: Any) -> None:
    """Run the whole stack until it is stopped, its time is up, or its sources end."""
    from streamsim.simulator.commands.up import run_up

    sys.exit(run_up(**options))


@main.command()
@click.argument("domain")
@click.option("--source", type=FOLDER, metavar="PATH", help="file or folder instead of the world")
@click.option("--broker", metavar="HOST:PORT", help="broker (default: that of the running stack)")
@click.option("--run", metavar="RUN", help="run to send to, if several are running")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="events per second")
@click.option("--speed", metavar="X|max", help="event seconds per second, or max")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="event days of the world")
@click.option("--seed", type=int, help="seed of the world")
@click.option("--anchor", type=int, metavar="MS", hidden=True)
@click.option("--report", type=FOLDER, metavar="FILE", hidden=True)
@click.option("--resume", is_flag=True, hidden=True)
def send(**options: Any) -> None:
    """Send a domain's events: a producer alone."""
    from streamsim.simulator.commands.send import run_send

    run_send(**options)


@main.command()
@click.argument("file", type=FOLDER)
@click.option("--topic", "names", multiple=True, metavar="T", help="topic to record (default all)")
@click.option("--domain", metavar="D", help="only this domain")
@click.option("--for", "seconds", type=click.FloatRange(0), default=0, help="wait so long first")
@click.option("--run", metavar="RUN", help="run to record, if several are running")
def record(**options: Any) -> None:
    """Record what the topics of a running stack hold, as Parquet."""
    from streamsim.simulator.commands.record import run_record

    run_record(**options)


@main.command()
@click.argument("file", type=FOLDER)
@click.option("--domain", metavar="D", help="domain to replay, if it holds several")
@click.option("--speed", metavar="X|max", help="event seconds per second (default max)")
@click.option("--broker", metavar="HOST:PORT", help="broker (default: that of the running stack)")
@click.option("--run", metavar="RUN", help="run to send to, if several are running")
def replay(**options: Any) -> None:
    """Send a recording's sources again, at any speed."""
    from streamsim.simulator.commands.record import run_replay

    run_replay(**options)


@main.command()
@click.argument("what", default="alerts", metavar="[alerts|scores|metrics|late|dead|models|TOPIC]")
@click.option("--domain", metavar="D", help="only this domain")
@click.option("--json", "as_json", is_flag=True, help="one JSON object per line")
@click.option("--from-beginning", is_flag=True, help="also what was there before")
@click.option("--count", type=click.IntRange(1), help="end after so many")
@click.option("--timeout", type=click.FloatRange(0), help="end after so many silent seconds")
@click.option("--broker", metavar="HOST:PORT", help="a broker instead of a running stack's")
@click.option("--run", metavar="RUN", help="run to watch, if several are running")
def watch(**options: Any) -> None:
    """Follow a running stack's alerts, or another of its topics; one line each."""
    from streamsim.simulator.commands.watch import run_watch

    run_watch(**options)


@main.command()
@click.option("--domain", metavar="D", help="only this domain")
@click.option("--broker", metavar="HOST:PORT", help="broker to look at")
@click.option("--create", is_flag=True, help="create on that broker what is missing")
@click.option("--run", metavar="RUN", help="run to look at, if several are running")
def topics(**options: Any) -> None:
    """Say what topics there are: key, partitions, fields, and a sample if a stack is running."""
    from streamsim.simulator.commands.list_topics import run_topics

    run_topics(**options)


@main.command()
@click.argument("domain", required=False)
@click.option("--missing", is_flag=True, help="train what has no model yet, for all domains")
@click.option("--source", type=FOLDER, metavar="PATH", help="learn from this file, not the world")
@click.option("--from", "since", metavar="DAY", help="first day to learn from (2018-07-25)")
@click.option("--to", "until", metavar="DAY", help="day before which learning ends")
@click.option("--seed", type=int, help="seed of the world to learn from")
@click.option("--promote/--no-promote", default=True, help="make it the champion (default)")
def train(**options: Any) -> None:
    """Train a domain's model by its recipe and release it to the registry."""
    from streamsim.simulator.commands.train import run_train

    run_train(**options)


@main.command()
@click.argument("action", type=click.Choice(["list", "show", "promote"]), default="list")
@click.argument("model", required=False)
@click.argument("version", required=False)
def models(action: str, model: str | None, version: str | None) -> None:
    """List released models, show one's card, or make a version the champion."""
    from streamsim.simulator.commands.train import run_models

    run_models(action, model, version)


@main.command()
@click.argument("name", type=click.Choice(sorted(BENCHMARKS)))
@click.option("--data", type=FOLDER, metavar="PATH", help="real data that it needs")
@click.option("--domain", metavar="DOMAIN", help="whose worlds, or whose engine")
@click.option("--seeds", metavar="N,N,...", help="seeds of the worlds")
@click.option("--events", type=click.IntRange(1), help="how many events")
@click.option("--workers", type=click.IntRange(1, 64), help="Faust workers")
@click.option("--rates", metavar="N,N,...", help="events per second to send at")
@click.option("--seconds", type=click.FloatRange(1), help="how long each rate is watched")
@click.option("--rounds", type=click.IntRange(1), help="how often it is timed, or split")
@click.option("--keys", type=click.IntRange(1), help="how many keys the state has")
@click.option("--runs", type=click.IntRange(1), help="how many runs, each with a fault")
@click.option("--seed", type=click.IntRange(0), help="seed of the first run, or split")
@click.option("--fault", metavar="NAME", help="the fault to plant in every run")
@click.option("--broker", metavar="embedded|kafka|both", help="broker of the runs with faults")
@click.option("--report", type=FOLDER, metavar="FILE", help="write what was measured as JSON")
def bench(**options: Any) -> None:
    """Measure: quality on real data, of alerts, throughput, latency, and what others reach."""
    from streamsim.simulator.commands.bench import run_bench

    run_bench(**options)


@main.command()
def doctor() -> None:
    """Check that everything a stack needs is there."""
    from streamsim.simulator.commands.doctor import run_doctor

    run_doctor()


def entry() -> None:
    """Run the command line as a program.

    Errors that are raised on purpose are one line and an exit code, never a traceback.
    """
    try:
        sys.exit(main(standalone_mode=False) or 0)
    except click.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(UsageError.exit_code)
    except click.ClickException as error:
        click.echo(f"streamsim: {error.format_message()}", err=True)
        sys.exit(UsageError.exit_code)
    except StreamsimError as error:
        click.echo(f"streamsim: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; that is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:  # a disk that is full, a folder that cannot be written
        click.echo(f"streamsim: {error}", err=True)
        sys.exit(StreamsimError.exit_code)


if __name__ == "__main__":
    entry()
