"""``streamsim up``: run the whole stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import orjson

from streamsim.simulator.report import run_report as reports
from streamsim.simulator.run.recorder import record_to
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import Run
from streamsim.simulator.run.stack import Stack
from streamsim.simulator.run.supervisor import Supervisor
from streamsim.simulator.run.view import make_view
from streamsim.streams.domain_registry import all_topics, domain_names, load_domain
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.settings import check_address, read_settings


def run_up(
    *,
    domains: Sequence[str],
    rates: Sequence[str],
    speeds: Sequence[str],
    sources: Sequence[str],
    duration: float | None,
    days: float | None,
    workers: int | None,
    broker: str | None,
    seed: int | None,
    hold: bool,
    headless: bool,
    report: Path | None,
    record: Path | None,
) -> int:
    """Run the stack; return the exit code."""
    settings = read_settings({"workers": workers, "broker": broker, "seed": seed})
    check_address(settings.broker)
    replayed = dict(_source(text) for text in sources)
    names = tuple(dict.fromkeys(domains or (*replayed, *(() if replayed else domain_names()))))
    plan = Plan(
        domains=tuple(load_domain(name) for name in names),
        settings=settings,
        sources=_checked(replayed, names),
        paces=paces(rates, speeds, names),
        days=days,
        hold=hold,
    )
    view = make_view(headless=headless)
    with view:

        def keep(stack: Stack, run: Run) -> None:
            if record is not None:
                specs = plan.domains
                topics = [t for t in all_topics(specs) if not t.internal]
                view.say(record_to(record, stack.address, specs, topics, run))

        document = Supervisor(plan, view, duration, keep).run()
    click.echo("\n" + reports.as_text(document))
    if report is not None:
        report.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    open_ = reports.unaccounted(document)
    if open_:
        raise ExpectationError(f"{open_} events are unaccounted for")
    return 0


def paces(
    rates: Sequence[str], speeds: Sequence[str], names: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    """Return, for each domain with a pace, its options of ``streamsim send``.

    Parameters
    ----------
    rates, speeds
        ``N`` for all domains, or ``DOMAIN=N`` for one domain, which takes precedence. Of several
        for the same domain the last one counts.

    Raises
    ------
    UsageError
        If a value is no pace, a domain has both a rate and a speed, or a domain is not run.

    Examples
    --------
    >>> paces(["power=40"], ["max"], ["water", "power"])
    {'water': ('--speed', 'max'), 'power': ('--rate', '40.0')}
    """
    rate = {domain: parse_rate(text) for domain, text in map(_own, rates)}
    speed = dict(map(_own, speeds))
    for domain in {*rate, *speed} - {"", *names}:
        raise UsageError(f"--rate or --speed names {domain!r}, which is not run")
    said = {d: pace_options(rate.get(d), speed.get(d)) for d in ("", *names)}
    chosen = {name: said[name] or said[""] for name in names}
    return {name: options for name, options in chosen.items() if options}


def _own(text: str) -> tuple[str, str]:
    """Split ``DOMAIN=PACE``; the domain of a pace for all is ``""``."""
    domain, sign, pace = text.rpartition("=")
    if sign and not domain:
        raise UsageError(f"{text!r} names no domain")
    return domain, pace


def parse_rate(text: str) -> float:
    """Return a rate in events per second.

    >>> parse_rate("40")
    40.0
    """
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise UsageError(f"--rate takes a positive number, not {text!r}")
    return rate


def pace_options(rate: float | None, speed: str | None) -> tuple[str, ...]:
    """Check a rate or speed and return it as options of ``streamsim send``.

    Raises
    ------
    UsageError
        If both are given, or the speed is not valid.
    """
    if rate is not None and speed is not None:
        raise UsageError("--rate and --speed exclude each other")
    if rate is not None:
        return ("--rate", str(rate))
    if speed is None:
        return ()
    parse_speed(speed)
    return ("--speed", speed)


def parse_speed(text: str) -> float:
    """Return a speed in event seconds per second; ``max`` is infinite.

    >>> parse_speed("max"), parse_speed("60")
    (inf, 60.0)
    """
    try:
        speed = float("inf") if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise UsageError(f"--speed takes a positive number or max, not {text!r}")
    return speed


def _source(text: str) -> tuple[str, Path]:
    domain, sign, path = text.partition("=")
    if not (domain and sign and path):
        raise UsageError(f"--source takes DOMAIN=PATH, not {text!r}")
    return domain, Path(path)


def _checked(sources: dict[str, Path], names: Sequence[str]) -> dict[str, Path]:
    """Check the sources before the stack starts."""
    from streamsim.producers.files import find_files
    from streamsim.producers.recording import read_manifest

    for name, path in sources.items():
        if name not in names:
            raise UsageError(f"--source names {name!r}, which is not run")
        manifest = read_manifest(path) if path.is_file() else None
        if manifest is None:
            find_files(load_domain(name).inputs, path)
        elif name not in manifest.get("domains", []):
            raise UsageError(f"{path} is a recording of {', '.join(manifest['domains'])}")
    return sources
