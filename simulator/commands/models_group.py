"""``streamsim models``: the group of its subcommands, with heavy imports inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

REFERENCE = "model-reference.json"


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List, compare, check and promote models; without a subcommand, list them."""
    if context.invoked_subcommand is None:
        context.invoke(list_models)


@models.command("list")
def list_models() -> None:
    """List the released versions of all models."""
    from streamsim.simulator.commands.released_models import run_list

    run_list()


@models.command("show")
@click.argument("model", required=False)
@click.argument("version", required=False)
def show_model(**options: Any) -> None:
    """Print the card of a version, by default of the champion."""
    from streamsim.simulator.commands.released_models import run_show

    run_show(**options)


_RUN = click.option("--run", metavar="RUN", help="running stack, if there are several")
_WHY = click.option("--why", metavar="TEXT", help="reason, kept with the decision")


@models.command("promote")
@click.argument("model", required=False)
@click.argument("version", required=False)
@_WHY
@_RUN
def promote_model(**options: Any) -> None:
    """Make a version the champion, here and in the running stack that serves the model."""
    from streamsim.simulator.commands.released_models import run_promote

    run_promote(**options)


@models.command("shadow")
@click.argument("model")
@click.argument("version")
@_WHY
@_RUN
def shadow_model(model: str, version: str, why: str | None, run: str | None) -> None:
    """Let a version score every event of a running stack beside the champion, unheeded."""
    from streamsim.simulator.commands.running_models import change

    change("shadow", model, version=version, why=why, run=run)


@models.command("canary")
@click.argument("model")
@click.argument("version")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
    help="share of the entities that it answers",
)
@_WHY
@_RUN
def canary_model(model: str, version: str, share: float, why: str | None, run: str | None) -> None:
    """Let a version answer a share of the entities of a running stack."""
    from streamsim.simulator.commands.running_models import change

    change("canary", model, version=version, share=share, why=why, run=run)


@models.command("rollback")
@click.argument("model")
@_WHY
@_RUN
def rollback_model(model: str, why: str | None, run: str | None) -> None:
    """Make the champion before this one the champion of a running stack again."""
    from streamsim.simulator.commands.running_models import change

    change("rollback", model, why=why, run=run)


@models.command("withdraw")
@click.argument("model")
@_WHY
@_RUN
def withdraw_model(model: str, why: str | None, run: str | None) -> None:
    """End the shadow and the canary of a model in a running stack."""
    from streamsim.simulator.commands.running_models import change

    change("withdraw", model, why=why, run=run)


@models.command("at")
@click.argument("time")
@click.option("--model", metavar="MODEL", help="only this model")
@click.option("--run", metavar="RUN", help="run to read (default: running, or latest)")
def models_at(time: str, model: str | None, run: str | None) -> None:
    """Print which versions answered at an event time (2025-01-14T12:00), and why."""
    from streamsim.simulator.commands.running_models import run_at

    run_at(time, model, run)


@models.command("diff")
@click.argument("model")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
def diff_models(**options: Any) -> None:
    """Print two versions side by side: metrics, data, threshold, features, algorithm."""
    from streamsim.simulator.commands.released_models import run_diff

    run_diff(**options)


@models.command("check")
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...")
@click.option(
    "--reference",
    type=click.Path(path_type=Path, dir_okay=False),
    default=REFERENCE,
    show_default=True,
    metavar="FILE",
    help="figures to compare with",
)
@click.option("--update", is_flag=True, help="make the figures of now the reference")
def check_models(**options: Any) -> None:
    """Train recipes on small fixed worlds; fail if one is worse than its reference.

    Without a DOMAIN, your own domains are checked, or all if you have none.
    """
    from streamsim.simulator.commands.check_models import run_check

    run_check(**options)
