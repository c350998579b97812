"""``streamsim train``: train models and release them."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from streamsim.models.registry import Registry
from streamsim.models.thresholds import NEVER, AlertBudget
from streamsim.simulator.domain_stream import with_columns
from streamsim.simulator.model_training import (
    LEFT_OUT,
    ensure_champions,
    train_on_files,
    train_on_world,
)
from streamsim.simulator.model_training import (
    Progress as Report,
)
from streamsim.simulator.training_period import Period, between, first_part, parse_day
from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.settings import read_settings
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec


def run_train(
    *,
    domain: str | None,
    missing: bool,
    source: Path | None,
    columns: Path | None,
    since: str | None,
    until: str | None,
    first: str | None,
    alerts_per_day: float | None,
    false_alerts: float | None,
    seed: int | None,
    promote: bool,
) -> None:
    """Train one domain's model, or every missing one."""
    registry = Registry(read_settings().home_path / "registry")
    if missing:
        if any((domain, source, since, until, first, alerts_per_day, false_alerts)):
            raise UsageError("--missing takes no domain and no source")
        _train_missing(registry)
        return
    if domain is None:
        raise UsageError("name a domain to train, or --missing")
    budget = _budget(alerts_per_day, false_alerts)
    if source is None:
        if columns or since or until or first or alerts_per_day is not None:
            raise UsageError(
                "--columns, --first, --from, --to and --alerts-per-day go with --source"
            )
        spec = load_domain(domain)
        with _Bar(spec.name) as bar:
            signature = train_on_world(spec, registry, bar, seed, budget)
    else:
        if seed is not None:
            raise UsageError("--seed is for simulated worlds, not for --source")
        spec = with_columns(load_domain(domain), columns)
        with _Bar(spec.name) as bar:
            bar(f"reading {source.name}", 0.0)
            period = _period(spec, source, since, until, first)
            signature = train_on_files(spec, registry, source, period, budget, bar)
    if promote:
        registry.promote(signature.model, signature.version)
    _tell(registry, signature, promoted=promote)
    if source is not None and signature.accuracy is None:
        accuracy = spec.alerting.accuracy
        click.echo(
            f"too few events to learn when accuracy is low: it stays {accuracy.threshold:g} "
            f"({accuracy.metric})"
        )
    if source is not None and promote:
        told = ["--columns", f"{domain}={columns}"] if columns else []
        command = ["streamsim", "up", "--source", f"{domain}={source}", *told, "--after-training"]
        click.echo(f"to stream what came after: {shlex.join(command)}")


def _train_missing(registry: Registry) -> None:
    trained: list[str] = []
    with _Bar("models") as bar:
        bar("training", 0.0)

        def done(name: str) -> None:
            trained.append(name)
            bar(f"{name} is there", len(trained) / len(domain_names()))

        ensure_champions(registry, done)


def _tell(registry: Registry, signature: Signature, *, promoted: bool) -> None:
    """Print a new version's figures, its alert threshold, and the features that it leaves out."""
    release = registry.release(signature.model, signature.version)
    name = f"{signature.model} {signature.version}{' (champion)' if promoted else ''}"
    figures = ", ".join(f"{metric} {value:g}" for metric, value in release.metrics.items())
    alerts = f"alerts from {signature.threshold:g}"
    if signature.threshold >= NEVER:
        none = release.data.get("budget") == str(AlertBudget(per_day=0))
        why = "as they may be none" if none else "for no event was one that the rule is about"
        alerts = f"no alerts, {why}"
    click.echo(f"{name}: {figures}; {alerts}")
    if left_out := release.data.get(LEFT_OUT):
        click.echo(f"left out, as the file has no dates: {', '.join(left_out)}")


def _budget(alerts_per_day: float | None, false_alerts: float | None) -> AlertBudget | None:
    given = [value for value in (alerts_per_day, false_alerts) if value is not None]
    if not all(map(math.isfinite, given)):
        raise UsageError("--alerts-per-day and --false-alerts take a number")
    if alerts_per_day is not None and false_alerts is not None:
        raise UsageError("--alerts-per-day and --false-alerts exclude each other")
    if alerts_per_day is not None:
        return AlertBudget(per_day=alerts_per_day)
    return None if false_alerts is None else AlertBudget(false_share=false_alerts / 1000)


def _period(
    spec: DomainSpec, source: Path, since: str | None, until: str | None, first: str | None
) -> Period:
    """Return the part of a file that the options name."""
    if first is not None and not (since or until):
        return first_part(spec, source, first)
    if first is not None or since is None or until is None:
        raise UsageError(
            "--source needs the part to learn from: --first 70%, or --from DAY --to DAY"
        )
    return between(spec, parse_day(since), parse_day(until))


class _Bar:
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self, name: str) -> None:
        console = Console()
        self._progress = Progress(
            TextColumn(f"{name}: " + "{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("training", total=1.0)

    def __enter__(self) -> Report:
        self._progress.start()
        return lambda what, done: self._progress.update(
            self._task, description=what, completed=done
        )

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
