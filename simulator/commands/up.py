"""``streamsim up``: run the whole stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import orjson

from streamsim.models.registry import Registry
from streamsim.simulator import file_models
from streamsim.simulator.commands.paces import paces
from streamsim.simulator.commands.worlds import demos, worlds_of
from streamsim.simulator.domain_stream import with_columns
from streamsim.simulator.reach import check_database
from streamsim.simulator.report import run_report as reports
from streamsim.simulator.run.kept_run import must_be_writable, write_whole
from streamsim.simulator.run.recorder import record_to
from streamsim.simulator.run.resuming import plan_again
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import Run, check_home
from streamsim.simulator.run.stack import Stack
from streamsim.simulator.run.supervisor import Supervisor
from streamsim.simulator.run.view import make_view
from streamsim.simulator.training_period import parse_day
from streamsim.streams.domain_registry import all_topics, domain_names, load_domain
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.privacy.keys import privacy_key
from streamsim.streams.settings import Settings, check_address, read_settings
from streamsim.streams.spec import DomainSpec


def run_up(
    *,
    domains: Sequence[str],
    rates: Sequence[str],
    speeds: Sequence[str],
    sources: Sequence[str],
    columns: Sequence[str],
    duration: float | None,
    days: float | None,
    workers: int | None,
    broker: str | None,
    seed: int | None,
    after_training: bool,
    score_from: str | None,
    hold: bool,
    headless: bool,
    report: Path | None,
    record: Path | None,
    keep: bool,
    resume: str | None,
    world: Sequence[str],
) -> int:
    """Run the stack; return the exit code."""
    for file in (report, record):
        if file is not None:
            must_be_writable(file)
    resumed = None
    if resume is not None:
        told = (domains, rates, speeds, sources, columns, days, workers, broker, seed, hold)
        if any((*told, after_training, score_from, world)):
            raise UsageError("--resume takes domains, sources, paces and broker from the run")
        resumed, plan = plan_again(resume)
    else:
        settings = read_settings({"workers": workers, "broker": broker, "seed": seed})
        check_address(settings.broker)
        replayed = dict(_named(text, "--source") for text in sources)
        maps = dict(_named(text, "--columns") for text in columns)
        names = tuple(dict.fromkeys(domains or (*replayed, *(() if replayed else domain_names()))))
        files = _checked(replayed, maps, names)
        specs = tuple(load_domain(name) for name in names)
        plan = Plan(
            domains=specs,
            settings=settings,
            sources=files,
            paces=paces(rates, speeds, names),
            days=days,
            hold=hold,
            columns=maps,
            score_from=_score_from(specs, files, settings, after_training, score_from),
            worlds=worlds_of(world, specs) if world or days or rates or speeds else demos(specs),
        )
    check_home(plan.settings)
    if any(spec.inputs.pseudonyms for spec in plan.domains):
        privacy_key(plan.settings)  # a broken key is found before anything starts
    check_database(plan.domains, plan.settings)
    view = make_view(headless=headless)
    with view:

        def at_end(stack: Stack, run: Run) -> None:
            if record is not None:
                specs = plan.domains
                topics = [t for t in all_topics(specs) if not t.internal]
                view.say(record_to(record, stack.address, specs, topics, run))

        document = Supervisor(plan, view, duration, at_end, resumed=resumed, keep_data=keep).run()
    click.echo("\n" + reports.as_text(document))
    if report is not None:
        write_whole(report, orjson.dumps(document, option=orjson.OPT_INDENT_2))
    open_ = reports.unaccounted(document)
    if open_:
        raise ExpectationError(f"{open_} events are unaccounted for")
    return 0


def _named(text: str, option: str) -> tuple[str, Path]:
    domain, sign, path = text.partition("=")
    if not (domain and sign and path):
        raise UsageError(f"{option} takes DOMAIN=PATH, not {text!r}")
    return domain, Path(path)


def _score_from(
    specs: Sequence[DomainSpec],
    files: Mapping[str, Path],
    settings: Settings,
    after_training: bool,
    day: str | None,
) -> dict[str, int]:
    """Return, by domain, the event time of its file's first scored event (ms)."""
    if after_training and day is not None:
        raise UsageError("--after-training and --score-from exclude each other")
    if after_training:
        return file_models.after_training(specs, Registry(settings.home_path / "registry"), files)
    if day is not None and not files:
        raise UsageError("--score-from goes with --source")
    return {} if day is None else dict.fromkeys(files, parse_day(day))


def _checked(
    sources: dict[str, Path], columns: dict[str, Path], names: Sequence[str]
) -> dict[str, Path]:
    """Check the sources before the stack starts."""
    from streamsim.producers.recording import read_manifest

    if lonely := [name for name in columns if name not in sources]:
        raise UsageError(f"--columns names {lonely[0]!r}, which has no --source")
    for name, path in sources.items():
        if name not in names:
            raise UsageError(f"--source names {name!r}, which is not run")
        manifest = read_manifest(path) if path.is_file() else None
        if manifest is None:
            from streamsim.producers.file_kinds import find_files  # loads pandas

            find_files(with_columns(load_domain(name), columns.get(name)).inputs, path)
        elif name not in manifest.get("domains", []):
            raise UsageError(f"{path} is a recording of {', '.join(manifest['domains'])}")
    return sources
