"""The command line ``streamsim``: one function a command, with heavy imports inside."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from streamsim.simulator.commands.bench import BENCHMARKS
from streamsim.simulator.commands.models_group import models
from streamsim.streams.errors import StreamsimError, UsageError
from streamsim.streams.version import __version__

# Set before scikit-learn is loaded. Its OpenMP threads spin while they wait for each other: on a
# machine that is busy with other work, two threads take several times as long as one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

FOLDER = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="streamsim")
def main() -> None:
    """Rehearse real-time machine learning over event streams, on one machine."""


@main.command()
@click.option("--domain", "domains", multiple=True, metavar="D", help="domain to run (repeatable)")
@click.option(
    "--rate",
    "rates",
    multiple=True,
    metavar="[DOMAIN=]N",
    help="events per second, for all domains or one (repeatable)",
)
@click.option(
    "--speed",
    "speeds",
    multiple=True,
    metavar="[DOMAIN=]X|max",
    help="event seconds per wall second, or max, for all domains or one (repeatable)",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="DOMAIN=PATH",
    help="file or folder to replay for a domain (repeatable)",
)
@click.option(
    "--columns",
    multiple=True,
    metavar="DOMAIN=FILE",
    help="map of the source's columns, in TOML (repeatable)",
)
@click.option(
    "--after-training",
    is_flag=True,
    help="score what comes after the events that the model learnt from; those fill the state",
)
@click.option("--score-from", metavar="DAY", help="score events from here; earlier fill the state")
@click.option(
    "--duration", type=click.FloatRange(0, min_open=True), help="wall-clock seconds to run"
)
@click.option("--days", type=click.FloatRange(0, min_open=True), help="days of event time to run")
@click.option("--workers", type=int, help="number of Faust workers")
@click.option("--broker", metavar="embedded|HOST:PORT", help="Kafka broker to use")
@click.option("--seed", type=int, help="seed of the simulated worlds")
@click.option("--hold", is_flag=True, help="score in order of event time (reorder buffer)")
@click.option("--headless", is_flag=True, help="print plain lines instead of the live screen")
@click.option("--report", type=FOLDER, metavar="FILE", help="write the report as JSON")
@click.option("--record", type=FOLDER, metavar="FILE", help="record all topics as Parquet")
@click.option("--keep", is_flag=True, help="keep the embedded broker's data in the run's folder")
@click.option(
    "--world", multiple=True, metavar="DOMAIN.OPTION=VALUE", help="option of a world (repeatable)"
)
@click.option("--resume", metavar="RUN", help="go on with a run that was cut short")
def up(**options: Any) -> None:
    """Run the whole stack until it is stopped, its duration is over, or its sources end."""
    from streamsim.simulator.commands.up import run_up

    sys.exit(run_up(**options))


@main.command()
@click.argument("domain")
@click.option(
    "--source", type=FOLDER, metavar="PATH", help="file or folder to send instead of the world"
)
@click.option("--columns", type=FOLDER, metavar="FILE", help="map of the file's columns, in TOML")
@click.option("--broker", metavar="HOST:PORT", help="broker (default: that of the running stack)")
@click.option("--run", metavar="RUN", help="run to send to, if several are running")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="events per second")
@click.option("--speed", metavar="X|max", help="event seconds per wall second, or max")
@click.option("--world", multiple=True, metavar="OPTION=VALUE", help="option of the world")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="days of event time to send")
@click.option("--seed", type=int, help="seed of the simulated world")
@click.option("--anchor", type=int, metavar="MS", hidden=True)
@click.option("--since", type=int, metavar="MS", hidden=True)
@click.option("--wait", is_flag=True, help="wait for the workers if they fall behind")
@click.option("--report", type=FOLDER, metavar="FILE", hidden=True)
@click.option("--resume", is_flag=True, hidden=True)
@click.option("--score-from", type=int, metavar="MS", hidden=True)
@click.option("--slot", type=int, metavar="MS", hidden=True)
def send(**options: Any) -> None:
    """Run one domain's producer: publish its events to a broker."""
    from streamsim.simulator.commands.send import run_send

    run_send(**options)


@main.command()
@click.argument("file", type=FOLDER)
@click.option(
    "--topic", "names", multiple=True, metavar="T", help="topic to record (repeatable; default all)"
)
@click.option("--domain", metavar="D", help="only this domain")
@click.option("--for", "seconds", type=click.FloatRange(0), default=0, help="seconds to wait first")
@click.option("--run", metavar="RUN", help="run to record, if several are running")
def record(**options: Any) -> None:
    """Record the topics of a running stack as Parquet."""
    from streamsim.simulator.commands.record import run_record

    run_record(**options)


@main.command()
@click.argument("file", type=FOLDER)
@click.option("--domain", metavar="D", help="domain to replay, if the recording has several")
@click.option("--speed", metavar="X|max", help="event seconds per wall second (default max)")
@click.option("--broker", metavar="HOST:PORT", help="broker (default: that of the running stack)")
@click.option("--run", metavar="RUN", help="run to send to, if several are running")
def replay(**options: Any) -> None:
    """Publish the source topics of a recording again, at any speed."""
    from streamsim.simulator.commands.record import run_replay

    run_replay(**options)


@main.command()
@click.argument(
    "what", default="alerts", metavar="[alerts|incidents|scores|metrics|late|dead|models|TOPIC]"
)
@click.option("--domain", metavar="D", help="only this domain")
@click.option("--json", "as_json", is_flag=True, help="one JSON object per line")
@click.option("--from-beginning", is_flag=True, help="read the topic from its beginning")
@click.option("--count", type=click.IntRange(1), help="stop after this many records")
@click.option("--timeout", type=click.FloatRange(0), help="stop after seconds without a record")
@click.option("--broker", metavar="HOST:PORT", help="broker (default: that of the running stack)")
@click.option("--run", metavar="RUN", help="run to watch, if several are running")
def watch(**options: Any) -> None:
    """Print alerts, or records of another topic, as they arrive; one line each."""
    from streamsim.simulator.commands.watch import run_watch

    run_watch(**options)


@main.group()
def dead() -> None:
    """List dead letters, mend them, and send them again."""


_OF_RUN = click.option("--run", metavar="RUN", help="run to read (default: running, or latest)")
_OF_DOMAIN = click.option("--domain", metavar="D", help="only this domain")
_OF_REASON = click.option("--reason", metavar="TEXT", help="only reasons that have this text")


@dead.command("list")
@_OF_RUN
@_OF_DOMAIN
@_OF_REASON
@click.option("--each", is_flag=True, help="one line per letter, with its id")
def list_dead(**options: Any) -> None:
    """Count dead letters by reason."""
    from streamsim.simulator.commands.dead import run_list

    run_list(**options)


@dead.command()
@click.argument("id_", metavar="ID")
@_OF_RUN
def show(**options: Any) -> None:
    """Print one dead letter as JSON."""
    from streamsim.simulator.commands.dead import run_show

    run_show(**options)


@dead.command()
@click.argument("file", type=FOLDER)
@_OF_RUN
@_OF_DOMAIN
@_OF_REASON
def export(**options: Any) -> None:
    """Write dead letters to a file, to mend them there."""
    from streamsim.simulator.commands.dead import run_export

    run_export(**options)


@dead.command("replay")
@click.argument("file", type=FOLDER, required=False)
@click.option("--of", metavar="RUN", help="run whose letters are sent, if it is another")
@click.option("--run", metavar="RUN", help="run to send to, if several are running")
@click.option("--broker", metavar="HOST:PORT", help="broker (default: that of the running stack)")
@_OF_DOMAIN
@_OF_REASON
def replay_dead(**options: Any) -> None:
    """Send dead letters again: those of a mended file, or as a run has kept them."""
    from streamsim.simulator.commands.dead import run_replay

    run_replay(**options)


@main.command()
@click.option("--domain", metavar="D", help="only this domain")
@click.option("--broker", metavar="HOST:PORT", help="broker to inspect")
@click.option("--create", is_flag=True, help="create the missing topics on the broker")
@click.option("--run", metavar="RUN", help="run to inspect, if several are running")
def topics(**options: Any) -> None:
    """List the topics: key, partitions, fields, and a sample if a stack is running."""
    from streamsim.simulator.commands.list_topics import run_topics

    run_topics(**options)


@main.command()
@click.argument("domain", required=False)
@click.option("--missing", is_flag=True, help="train a model for every domain that has none")
@click.option("--source", type=FOLDER, metavar="PATH", help="train on this file, not the world")
@click.option("--columns", type=FOLDER, metavar="FILE", help="map of the file's columns, in TOML")
@click.option("--from", "since", metavar="DAY", help="first day to train on (2018-07-25)")
@click.option("--to", "until", metavar="DAY", help="day before which the training data ends")
@click.option("--first", metavar="70%|N", help="learn from the file's first part, by time")
@click.option(
    "--alerts-per-day", type=click.FloatRange(0), help="set the alert threshold for so many a day"
)
@click.option(
    "--false-alerts",
    type=click.FloatRange(0, 1000),
    help="set the alert threshold for so many of 1,000 ordinary events",
)
@click.option("--seed", type=int, help="seed of the world to train on")
@click.option("--promote/--no-promote", default=True, help="make it the champion (default)")
def train(**options: Any) -> None:
    """Train a domain's model by its recipe and release it to the registry."""
    from streamsim.simulator.commands.train import run_train

    run_train(**options)


main.add_command(models)


@main.command()
@click.option("--domain", multiple=True, required=True, metavar="D", help="domain (repeatable)")
@click.option("--broker", required=True, metavar="HOST:PORT", help="Kafka broker")
@click.option("--run", required=True, metavar="NAME", help="name of the run: group streamsim-NAME")
def controller(**options: Any) -> None:
    """Run the models' lives in a stack whose other processes you start yourself."""
    from streamsim.simulator.commands.control import run_controller

    run_controller(**options)


@main.command("set")
@click.argument("domain")
@click.argument("values", nargs=-1, required=True, metavar="KEY=VALUE...")
@click.option("--why", metavar="TEXT", help="reason, kept with the decision")
@click.option("--run", metavar="RUN", help="running stack, if there are several")
def set_values(**options: Any) -> None:
    """Change a requirement of a running stack: threshold, alerts_per_day or false_alarm_cost."""
    from streamsim.simulator.commands.running_models import run_set

    run_set(**options)


@main.command()
@click.argument("name", type=click.Choice(sorted(BENCHMARKS)))
@click.option("--data", type=FOLDER, metavar="PATH", help="file or folder of the real data set")
@click.option("--domain", metavar="DOMAIN", help="domain to measure")
@click.option("--seeds", metavar="N,N,...", help="seeds of the simulated worlds")
@click.option("--events", type=click.IntRange(1), help="number of events")
@click.option("--workers", type=click.IntRange(1, 64), help="number of Faust workers")
@click.option("--rates", metavar="N,N,...", help="rates to send at, in events per second")
@click.option("--seconds", type=click.FloatRange(1), help="seconds to measure, at each rate")
@click.option("--times", type=click.FloatRange(0.01), help="multiple of the domains' own rates")
@click.option("--rounds", type=click.IntRange(1), help="number of timed rounds, or of splits")
@click.option("--keys", type=click.IntRange(1), help="number of keys in the state store")
@click.option("--runs", type=click.IntRange(1), help="number of runs, one fault each, or of swaps")
@click.option("--train-days", type=click.IntRange(1), help="days of the data to train on")
@click.option("--train-until", metavar="DAY", help="day before which these days end")
@click.option("--seed", type=click.IntRange(0), help="seed of the first run, or split")
@click.option("--fault", metavar="NAME", help="fault to inject in every run")
@click.option("--broker", metavar="embedded|kafka|both", help="broker of the runs")
@click.option("--detectors", metavar="WORD,...", help="drift detectors whose names have a word")
@click.option("--real/--no-real", default=None, help="take real series of packages, too")
@click.option("--first", type=click.FloatRange(0), help="event days that a first model learns")
@click.option("--step", type=click.FloatRange(0), help="event days between two chances to learn")
@click.option("--lead", type=click.FloatRange(0), help="event days that learning takes")
@click.option("--adaptation", metavar="NAME=VALUE,...", help="numbers of the adapting loop")
@click.option(
    "--trained-on-files",
    is_flag=True,
    default=None,
    help="judge a champion on simulated worlds though it was trained on files",
)
@click.option("--report", type=FOLDER, metavar="FILE", help="write the results as JSON")
def bench(**options: Any) -> None:
    """Run a benchmark: model and alert quality, throughput, latency, recovery, faults."""
    from streamsim.simulator.commands.bench import run_bench

    run_bench(**options)


@main.command()
def doctor() -> None:
    """Check Python, packages, settings, memory, broker and models."""
    from streamsim.simulator.commands.doctor import run_doctor

    run_doctor()


def entry() -> None:
    """Run the command line as a program.

    The project's own errors end it with one line and an exit code, without a traceback.
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
        # The reader of the output has closed the pipe, as `head` does: no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:  # a disk that is full, a folder that cannot be written
        click.echo(f"streamsim: {error}", err=True)
        sys.exit(StreamsimError.exit_code)


if __name__ == "__main__":
    entry()
