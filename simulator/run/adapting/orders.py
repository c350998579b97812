"""Orders to a retraining process: its command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamsim.models.adapting.requests import Request
from streamsim.models.registry import Registry
from streamsim.simulator.run.adapting.logged_rows import Wanted
from streamsim.simulator.run.adapting.priority import IDLE, LOW, NORMAL
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import Adaptation, DomainSpec
from streamsim.streams.spec.adapting import by_hand


@dataclass(frozen=True, slots=True)
class Order:
    """What a retraining is to do.

    Attributes
    ----------
    champion
        Version to compare with.
    home, run
        Registries of the released versions, and of those that the run makes.
    request
        Id of the request.
    out
        File of the outcome.
    """

    spec: DomainSpec
    adaptation: Adaptation
    champion: str
    broker: str
    wanted: Wanted
    home: Registry
    run: Registry
    request: str
    out: Path
    seed: int = 0


def command_of(
    request: Request,
    *,
    domain: str,
    champion: str,
    broker: str,
    run: Path,
    out: Path,
    priority: str = IDLE,
    numbers: Mapping[str, float] | None = None,
) -> list[str]:
    """Return the command that answers a request, in a process of its own.

    Parameters
    ----------
    numbers
        Numbers of the domain's adaptation that are set by hand.
    """
    command = [sys.executable, "-m", "streamsim.simulator.run.adapting.retraining"]
    named = {
        "domain": domain, "champion": champion, "broker": broker, "run": run, "out": out,
        "request": request.id, "priority": priority, "since": request.since,
        "until": request.until, "known-until": request.known_until,
    }  # fmt: skip
    command += [f"--{name}={value}" for name, value in named.items()]
    command += [f"--without={begin}:{end}" for begin, end in request.without]
    return command + [f"--set={name}={value}" for name, value in (numbers or {}).items()]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m streamsim.simulator.run.adapting.retraining",
        description="Learns a challenger from the stream, and holds it against the champion.",
    )
    add = parser.add_argument
    add("--domain", required=True, help="domain whose model learns")
    add("--champion", required=True, metavar="VERSION", help="version to compare with")
    add("--broker", required=True, metavar="HOST:PORT", help="Kafka broker")
    add("--since", type=int, default=NO_TIME, metavar="MS", help="first event time")
    add("--until", type=int, required=True, metavar="MS", help="end of the event times")
    add("--known-until", type=int, required=True, metavar="MS",
        help="labels that were known before are used")  # fmt: skip
    add("--without", action="append", default=[], metavar="MS:MS", help="a period to leave out")
    add("--run", type=Path, required=True, metavar="FOLDER", help="registry of the run's versions")
    add("--registry", type=Path, metavar="FOLDER", help="registry of the released versions")
    add("--request", required=True, metavar="ID", help="id of the request")
    add("--out", type=Path, required=True, metavar="FILE", help="file of the outcome")
    add("--set", action="append", default=[], metavar="NAME=VALUE",
        help="a number of the domain's adaptation")  # fmt: skip
    add("--seed", type=int, default=0, help="seed of the fit")
    add("--priority", choices=(IDLE, LOW, NORMAL), default=IDLE, help="of this process")
    return parser


def order_of(argv: Sequence[str] | None) -> tuple[Order, str]:
    """Read the command line; return the order and the priority.

    Raises
    ------
    UsageError
        If there is no such domain, or an argument is not what it should be.
    """
    own = parser().parse_args(argv)
    spec = load_domain(own.domain)
    adaptation = by_hand(spec.model.adaptation or Adaptation(), own.set)
    adaptation.check(spec.labels)
    without = tuple(_period(text) for text in own.without)
    wanted = Wanted(own.since, own.until, own.known_until, adaptation.most, without)
    home = own.registry or read_settings().home_path / "registry"
    order = Order(
        spec, adaptation, own.champion, own.broker, wanted, Registry(home), Registry(own.run),
        own.request, own.out, own.seed,
    )  # fmt: skip
    return order, own.priority


def _period(text: str) -> tuple[int, int]:
    try:
        begin, end = map(int, text.split(":"))
    except ValueError:
        raise UsageError(f"a period is two times in ms, BEGIN:END, not {text!r}") from None
    return begin, end
